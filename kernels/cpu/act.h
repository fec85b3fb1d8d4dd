// act: functions of one value; what they mean is said beside Activation in src/program/value_ops.ts. NaN is the second
// operand of min and max, and passes.

#pragma once

#include "kernels/cpu/exp.h"

namespace deadlift::DEADLIFT_ISA {
namespace {

inline vec sigmoid(vec x) { return div(splat(1), add(splat(1), exp(sub(zero(), x)))); }

// Within 1e-7.
inline vec tanh(vec x) { return sub(splat(1), div(splat(2), add(exp(add(x, x)), splat(1)))); }

struct Silu {
  static vec of(vec x) { return div(x, add(splat(1), exp(sub(zero(), x)))); }
};

// max(x, 0) - |x| erfc(|x| / sqrt 2) / 2, and erfc(z) = e^(-z^2) times a polynomial of 1 / (1 + 0.3275911 z), within
// 1.5e-7 (Abramowitz and Stegun 7.1.26).
struct Gelu {
  static vec of(vec x) {
    const vec size = max(sub(zero(), x), x), z = mul(size, splat(0.70710678f));
    const vec t = div(splat(1), fma(splat(0.3275911f), z, splat(1)));
    vec p = splat(1.061405429f);
    p = fma(p, t, splat(-1.453152027f));
    p = fma(p, t, splat(1.421413741f));
    p = fma(p, t, splat(-0.284496736f));
    p = fma(p, t, splat(0.254829592f));
    const vec tail = mul(mul(p, t), exp(sub(zero(), mul(z, z))));
    return fma(mul(size, splat(-0.5f)), tail, max(zero(), x));
  }
};

// (1 + tanh y) / 2 is 1 / (1 + e^(-2 y)).
struct GeluTanh {
  static vec of(vec x) {
    const vec y = mul(x, fma(mul(x, x), splat(2 * 0.79788456f * 0.044715f), splat(2 * 0.79788456f)));
    return div(x, add(splat(1), exp(sub(zero(), y))));
  }
};

struct GeluQuick {
  static vec of(vec x) { return div(x, add(splat(1), exp(mul(splat(-1.702f), x)))); }
};

struct Relu {
  static vec of(vec x) { return max(zero(), x); }
};

struct Relu2 {
  static vec of(vec x) { return mul(Relu::of(x), Relu::of(x)); }
};

struct Sigmoid {
  static vec of(vec x) { return sigmoid(x); }
};

struct Tanh {
  static vec of(vec x) { return tanh(x); }
};

// For x > 0 p x^2 + x / 2, else n (e^x - 1 - x) + x / 2 (arXiv 2411.13010).
inline vec xielu(vec x, vec p, vec n) {
  const vec least = min(zero(), x), above = max(zero(), x), below = sub(sub(exp(least), splat(1)), least);
  return fma(mul(p, above), above, fma(n, below, mul(splat(0.5f), x)));
}

inline void xielu(float* out, const float* x, float p, float n, int count) {
  const vec ps = splat(p), ns = splat(n);
  int i = 0;
  for (; i + lanes <= count; i += lanes) store(out + i, xielu(load(x + i), ps, ns));
  if (i < count) store_part(out + i, xielu(load_part(x + i, count - i), ps, ns), count - i);
}

template <class Kind>
void act(float* out, const float* x, int n) {
  int i = 0;
  for (; i + lanes <= n; i += lanes) store(out + i, Kind::of(load(x + i)));
  if (i < n) store_part(out + i, Kind::of(load_part(x + i, n - i)), n - i);
}

}  // namespace
}  // namespace deadlift::DEADLIFT_ISA

// layer_norm, sparsify: (x - mean) / sqrt(mean((x - mean)^2) + epsilon) * weight + bias, group by group.

#include "kernels/cpu/softmax.h"

namespace deadlift::DEADLIFT_ISA {
namespace {

// Its first n lanes, zeros else.
inline vec first_lanes(vec a, int n) {
  float values[lanes] = {};
  store_part(values, a, n);
  return load(values);
}

inline float variance_of(const float* x, vec mean, int n) {
  vec total = zero();
  int i = 0;
  for (; i + lanes <= n; i += lanes) {
    const vec apart = sub(load(x + i), mean);
    total = fma(apart, apart, total);
  }
  if (i < n) {
    const vec apart = first_lanes(sub(load_part(x + i, n - i), mean), n - i);
    total = fma(apart, apart, total);
  }
  return sum(total) / static_cast<float>(n);
}

// Weights and biases of the next group are `step` floats on: n, or 0 where groups share them.
inline void layer_norm(float* out, const float* x, const float* weight, const float* bias, int n, int groups, int step,
                       float epsilon) {
  for (int g = 0; g < groups; ++g, x += n, out += n, weight += step, bias += step) {
    const vec mean = splat(sum_of(x, n) / static_cast<float>(n));
    const vec scale = splat(1.0f / square_root(variance_of(x, mean, n) + epsilon));
    int i = 0;
    for (; i + lanes <= n; i += lanes) {
      store(out + i, fma(mul(sub(load(x + i), mean), scale), load(weight + i), load(bias + i)));
    }
    if (i == n) continue;
    const vec apart = mul(sub(load_part(x + i, n - i), mean), scale);
    store_part(out + i, fma(apart, load_part(weight + i, n - i), load_part(bias + i, n - i)), n - i);
  }
}

// max(x - (mean + factor * standard deviation), 0); NaN passes.
inline void sparsify(float* out, const float* x, float factor, int n) {
  const float mean = sum_of(x, n) / static_cast<float>(n);
  const vec cutoff = splat(mean + factor * square_root(variance_of(x, splat(mean), n)));
  int i = 0;
  for (; i + lanes <= n; i += lanes) store(out + i, max(zero(), sub(load(x + i), cutoff)));
  if (i < n) store_part(out + i, max(zero(), sub(load_part(x + i, n - i), cutoff)), n - i);
}

}  // namespace
}  // namespace deadlift::DEADLIFT_ISA

// softplus: log(1 + e^(x + bias)), kept between two bounds.

#include "kernels/cpu/exp.h"

namespace deadlift::DEADLIFT_ISA {
namespace {

// Within a few ulp. log(1 + e^x) = max(x, 0) + log(1 + u) with u = e^-|x|, and log(1 + u) = 2 atanh(s) with
// s = u / (2 + u): s is at most 1/3, and seven terms of the series leave less than 2^-26 of it. NaN is the second
// operand, and passes.
inline vec softplus(vec x) {
  const vec u = exp(min(sub(zero(), x), x)), s = div(u, add(splat(2), u)), square = mul(s, s);
  vec p = splat(2.0f / 13);
  p = fma(p, square, splat(2.0f / 11));
  p = fma(p, square, splat(2.0f / 9));
  p = fma(p, square, splat(2.0f / 7));
  p = fma(p, square, splat(2.0f / 5));
  p = fma(p, square, splat(2.0f / 3));
  p = fma(p, square, splat(2));
  return fma(p, s, max(zero(), x));
}

inline void softplus(float* out, const float* x, const float* bias, float least, float most, int n) {
  for (int i = 0; i < n; i += lanes) {
    const int count = n - i < lanes ? n - i : lanes;
    vec sum = load_part(x + i, count);
    if (bias) sum = add(sum, load_part(bias + i, count));
    store_part(out + i, min(splat(most), max(splat(least), softplus(sum))), count);
  }
}

}  // namespace
}  // namespace deadlift::DEADLIFT_ISA

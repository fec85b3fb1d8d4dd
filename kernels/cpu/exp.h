// e^x, for softmax and silu.

#pragma once

namespace deadlift::DEADLIFT_ISA {
namespace {

// Within 1 ulp where the result is normal; 0 below about -104, infinity above 88.7, NaN stays.
// x = n ln 2 + r with |r| <= ln 2 / 2, e^r by its polynomial (Cephes expf), 2^n by the exponent.
inline vec exp(vec x) {
  x = min(splat(127), max(splat(-127), x));  // NaN is the second operand, and passes
  const vec n = round(mul(x, splat(1.44269504f)));
  vec r = fma(n, splat(-0.693359375f), x);
  r = fma(n, splat(2.12194440e-4f), r);
  vec p = splat(1.9875691500e-4f);
  p = fma(p, r, splat(1.3981999507e-3f));
  p = fma(p, r, splat(8.3334519073e-3f));
  p = fma(p, r, splat(4.1665795894e-2f));
  p = fma(p, r, splat(1.6666665459e-1f));
  p = fma(p, r, splat(5.0000001201e-1f));
  p = add(fma(p, mul(r, r), r), splat(1));
  return scale2(p, n);
}

}  // namespace
}  // namespace deadlift::DEADLIFT_ISA

// mul, scale: out = a * b, and out = x * factor.

#pragma once

namespace deadlift::DEADLIFT_ISA {
namespace {

inline void mul(float* out, const float* a, const float* b, int n) {
  int i = 0;
  for (; i + lanes <= n; i += lanes) store(out + i, mul(load(a + i), load(b + i)));
  if (i < n) store_part(out + i, mul(load_part(a + i, n - i), load_part(b + i, n - i)), n - i);
}

inline void scale(float* out, const float* x, float factor, int n) {
  const vec by = splat(factor);
  int i = 0;
  for (; i + lanes <= n; i += lanes) store(out + i, mul(load(x + i), by));
  if (i < n) store_part(out + i, mul(load_part(x + i, n - i), by), n - i);
}

}  // namespace
}  // namespace deadlift::DEADLIFT_ISA

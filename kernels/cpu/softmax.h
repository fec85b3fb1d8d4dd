// softmax: e^x of each value, divided by their sum; share: x divided by it.

#pragma once

#include "kernels/cpu/exp.h"

namespace deadlift::DEADLIFT_ISA {
namespace {

inline float largest_of(const float* x, int n) {
  vec most = splat(-__builtin_inff());
  int i = 0;
  for (; i + lanes <= n; i += lanes) most = max(most, load(x + i));
  if (i < n) most = max(most, keep(load_part(x + i, n - i), 0, n - i));
  return largest(most);
}

// The largest value is taken off first, so that nothing overflows.
inline void softmax(float* out, const float* x, int n) {
  const vec most = splat(largest_of(x, n));
  vec total = zero();
  int i = 0;
  for (; i + lanes <= n; i += lanes) {
    const vec power = exp(sub(load(x + i), most));
    store(out + i, power);
    total = add(total, power);
  }
  if (i < n) {
    const vec power = exp(sub(keep(load_part(x + i, n - i), 0, n - i), most));
    store_part(out + i, power, n - i);
    total = add(total, power);
  }
  const vec whole = splat(sum(total));
  for (i = 0; i + lanes <= n; i += lanes) store(out + i, div(load(out + i), whole));
  if (i < n) store_part(out + i, div(load_part(out + i, n - i), whole), n - i);
}

inline float sum_of(const float* x, int n) {
  vec total = zero();
  int i = 0;
  for (; i + lanes <= n; i += lanes) total = add(total, load(x + i));
  if (i < n) total = add(total, load_part(x + i, n - i));
  return sum(total);
}

inline void share(float* out, const float* x, float epsilon, int n) {
  const vec whole = splat(sum_of(x, n) + epsilon);
  int i = 0;
  for (; i + lanes <= n; i += lanes) store(out + i, div(load(x + i), whole));
  if (i < n) store_part(out + i, div(load_part(x + i, n - i), whole), n - i);
}

}  // namespace
}  // namespace deadlift::DEADLIFT_ISA

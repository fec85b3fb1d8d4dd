// softcap: cap * tanh(x / cap).

#pragma once

#include "kernels/cpu/act.h"

namespace deadlift::DEADLIFT_ISA {
namespace {

inline vec capped(vec x, vec cap) { return mul(cap, tanh(div(x, cap))); }

inline void softcap(float* out, const float* x, float cap, int n) {
  const vec c = splat(cap);
  int i = 0;
  for (; i + lanes <= n; i += lanes) store(out + i, capped(load(x + i), c));
  if (i < n) store_part(out + i, capped(load_part(x + i, n - i), c), n - i);
}

}  // namespace
}  // namespace deadlift::DEADLIFT_ISA

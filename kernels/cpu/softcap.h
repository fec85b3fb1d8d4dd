// softcap, clamp: cap * tanh(x / cap), and x within -cap and cap.

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

// NaN is the second operand of min and max, and passes.
inline void clamp(float* out, const float* x, float cap, int n) {
  const vec most = splat(cap), least = splat(-cap);
  int i = 0;
  for (; i + lanes <= n; i += lanes) store(out + i, max(least, min(most, load(x + i))));
  if (i < n) store_part(out + i, max(least, min(most, load_part(x + i, n - i))), n - i);
}

}  // namespace
}  // namespace deadlift::DEADLIFT_ISA

// glu: out = silu(gate) * up, with silu(x) = x / (1 + e^-x).

#include "kernels/cpu/exp.h"

namespace deadlift::DEADLIFT_ISA {
namespace {

inline vec silu(vec x) { return div(x, add(splat(1), exp(sub(zero(), x)))); }

inline void glu(float* out, const float* gate, const float* up, int n) {
  int i = 0;
  for (; i + lanes <= n; i += lanes) store(out + i, mul(silu(load(gate + i)), load(up + i)));
  if (i < n) store_part(out + i, mul(silu(load_part(gate + i, n - i)), load_part(up + i, n - i)), n - i);
}

}  // namespace
}  // namespace deadlift::DEADLIFT_ISA

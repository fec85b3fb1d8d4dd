// glu: what a gated unit makes of gate and up, value by value. The kinds: GateActivation in src/program/value_ops.ts.

#include "kernels/cpu/act.h"

namespace deadlift::DEADLIFT_ISA {
namespace {

template <class Kind>
struct Gated {
  static vec of(vec gate, vec up) { return mul(Kind::of(gate), up); }
};

struct ClampedSwish {
  // NaN is the second operand of min and max, and passes.
  static vec of(vec gate, vec up) {
    gate = min(splat(7), gate);
    up = min(splat(7), max(splat(-7), up));
    return mul(div(gate, add(splat(1), exp(mul(splat(-1.702f), gate)))), add(up, splat(1)));
  }
};

template <class Kind>
void glu(float* out, const float* gate, const float* up, int n) {
  int i = 0;
  for (; i + lanes <= n; i += lanes) store(out + i, Kind::of(load(gate + i), load(up + i)));
  if (i < n) store_part(out + i, Kind::of(load_part(gate + i, n - i), load_part(up + i, n - i)), n - i);
}

}  // namespace
}  // namespace deadlift::DEADLIFT_ISA

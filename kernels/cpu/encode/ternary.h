// Rounding to -1, 0 and 1, as TQ1_0, TQ2_0 and Q2_0 do: the scale is the largest magnitude.

#pragma once

#include "kernels/cpu/encode/magnitude.h"

namespace deadlift::DEADLIFT_ISA {
namespace {

// Codes 0, 1 and 2 of -1, 0 and 1, the nearest to value / d, halves away from zero. Returns d.
template <int count>
float ternary_codes(const float* values, uint8_t* codes) {
  const float d = largest_magnitude<count>(values), inverse = finite_inverse(d);
  for (int i = 0; i < count; ++i) {
    const float scaled = values[i] * inverse;
    codes[i] = static_cast<uint8_t>(1 + (scaled >= 0.5f) - (scaled <= -0.5f));
  }
  return d;
}

}  // namespace
}  // namespace deadlift::DEADLIFT_ISA

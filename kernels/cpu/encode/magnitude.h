// The largest magnitude of some neighbouring values: what many encoders take their scale from.

#pragma once

namespace deadlift::DEADLIFT_ISA {
namespace {

// 0 where there are none but zeros. The bits of magnitudes are ordered as they are.
template <int count>
float largest_magnitude(const float* values) {
  int32_t largest = 0;
  for (int i = 0; i < count; ++i) {
    const auto bits = static_cast<int32_t>(float_to_bits(values[i]) & 0x7fffffffu);
    largest = bits > largest ? bits : largest;
  }
  return bits_to_float(static_cast<uint32_t>(largest));
}

}  // namespace
}  // namespace deadlift::DEADLIFT_ISA

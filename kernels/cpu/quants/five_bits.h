// The codes of Q5_0 and Q5_1: a nibble each, and the fifth bits of all 32 in four bytes.

#pragma once

namespace deadlift::DEADLIFT_ISA {
namespace {

// Codes [first, first + lanes) of 32.
inline ints five_bits(const uint8_t* nibbles, const uint8_t* fifths, int first) {
  uint32_t bits;
  memcpy(&bits, fifths, 4);
  const ints pairs = load_u8(nibbles + first % 16);
  const ints low = first < 16 ? bit_and(pairs, splat_int(15)) : shift_right(pairs, 4);
  return bit_or(low, shift_left(lane_bits(bits >> first), 4));
}

}  // namespace
}  // namespace deadlift::DEADLIFT_ISA

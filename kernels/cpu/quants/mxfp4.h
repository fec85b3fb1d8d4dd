// MXFP4: 32 four-bit floats (E2M1) with one power of two (E8M0); value = 2^(e - 127) * float = d * doubled.
//
//   byte  0    1        2              16
//        [ e ][q16|q0 ][q17|q1 ] ... [q31|q15]     block of 32 values, 17 bytes (ggml block_mxfp4)
//              high|low nibble
//
// OCP Microscaling Formats (MX) v1.0. d = 2^(e - 128), because the table holds the floats doubled; e = 255, a NaN in
// the specification, is 2^127 here as in ggml.

#pragma once

#include "kernels/cpu/strip.h"

namespace deadlift::DEADLIFT_ISA {
namespace {

// E2M1 doubled: whole numbers. No code is -0.
constexpr Levels e2m1_levels = make_levels(0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12);

struct mxfp4 {
  static constexpr int block = 32, bytes = 17;
  static constexpr int step = block;

  struct Block {
    uint8_t e;
    uint8_t q[16];
  };
  static_assert(sizeof(Block) == bytes);

  const Block* at;
  nibbles values;

  // 2^(e - 128); the first two are subnormal.
  static float scale(uint32_t e) { return bits_to_float(e < 2 ? 0x200000u << e : (e - 1) << 23); }
  explicit mxfp4(const uint8_t* row, int k)
      : at(reinterpret_cast<const Block*>(row) + k / block), values(e2m1_levels, scale(at->e)) {}
  vec part(int i) const {
    const int first = i * lanes;
    return first < 16 ? values.low(at->q + first) : values.high(at->q + first - 16);
  }

  static constexpr int group = 32;
  static constexpr const Levels& levels = e2m1_levels;
  static octets indices(const Strip& rows, int i, int) { return load_nibbles(rows, i, 1); }
  static octets codes(const Strip& rows, int i, int g) { return add128(look_up(levels, indices(rows, i, g))); }
  // 2^-128, of e = 0, counts as nothing.
  static void facts(const Strip& rows, GroupFacts facts) {
    const vec doubled = as_float(shift_left(bit_and(row_words(rows, 0), splat_int(255)), 23));
    facts.centre(0, min(mul(doubled, splat(0.5f)), splat(0x1p127f)), 128);
  }
};

}  // namespace
}  // namespace deadlift::DEADLIFT_ISA

// IQ4_NL: 32 four-bit numbers with one scale; value = d * levels[q], levels closer together around zero.
//
//   byte  0 1     2        3              17
//        [d: F16][q16|q0 ][q17|q1 ] ... [q31|q15]     block of 32 values, 18 bytes (ggml block_iq4_nl)
//                 high|low nibble

#pragma once

#include "kernels/cpu/strip.h"

namespace deadlift::DEADLIFT_ISA {
namespace {

// What the 16 codes mean (kvalues_iq4nl of ggml).
constexpr Levels iq4_levels = make_levels(-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113);

struct iq4_nl {
  static constexpr int block = 32, bytes = 18;
  static constexpr int step = block;

  struct Block {
    uint8_t d[2];
    uint8_t q[16];
  };
  static_assert(sizeof(Block) == bytes);

  const Block* at;
  nibbles values;

  explicit iq4_nl(const uint8_t* row, int k)
      : at(reinterpret_cast<const Block*>(row) + k / block), values(iq4_levels, half_to_float(at->d)) {}
  vec part(int i) const {
    const int first = i * lanes;
    return first < 16 ? values.low(at->q + first) : values.high(at->q + first - 16);
  }

  static constexpr int group = 32;
  static constexpr const Levels& levels = iq4_levels;
  static octets indices(const Strip& rows, int i, int) { return load_nibbles(rows, i, 2); }
  static octets codes(const Strip& rows, int i, int g) { return add128(look_up(levels, indices(rows, i, g))); }
  static void facts(const Strip& rows, GroupFacts facts) { facts.centre(0, low_halves(row_words(rows, 0)), 128); }
};

}  // namespace
}  // namespace deadlift::DEADLIFT_ISA

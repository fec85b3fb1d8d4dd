// IQ4_XS: 256 four-bit numbers with a six-bit scale per 32; value = d * (s - 32) * levels[q], the levels of IQ4_NL.
//
//   byte  0 1     2            3    4                7       8          9               23               135
//        [d: F16][h7 h6 ... h1 h0][l1|l0] ... [l7|l6] [q16|q0 ][q17|q1 ] ... [q31|q15] ... [q255|q239]
//                 two bits each    high|low nibble
//                                                             block of 256 values, 136 bytes (ggml block_iq4_xs)
//
// s = h|l.

#include "kernels/cpu/quants/iq4_nl.h"
#include "kernels/cpu/strip.h"

namespace deadlift::DEADLIFT_ISA {
namespace {

struct iq4_xs {
  static constexpr int block = 256, bytes = 136;
  static constexpr int step = 32;

  struct Block {
    uint8_t d[2];
    uint8_t high[2];
    uint8_t low[4];
    uint8_t q[8][16];
  };
  static_assert(sizeof(Block) == bytes);

  const uint8_t* q;
  nibbles values;

  static float scale(const Block& at, int g) {
    const int low = at.low[g / 2] >> g % 2 * 4 & 15, high = at.high[g / 4] >> g % 4 * 2 & 3;
    return half_to_float(at.d) * static_cast<float>((high << 4 | low) - 32);
  }
  explicit iq4_xs(const Block& at, int g) : q(at.q[g]), values(iq4_levels, scale(at, g)) {}
  explicit iq4_xs(const uint8_t* row, int k)
      : iq4_xs(reinterpret_cast<const Block*>(row)[k / block], k % block / step) {}
  vec part(int i) const {
    const int first = i * lanes;
    return first < 16 ? values.low(q + first) : values.high(q + first - 16);
  }

  static constexpr int group = 32;
  static constexpr const Levels& levels = iq4_levels;
  static octets indices(const Strip& rows, int i, int g) { return load_nibbles(rows, i, 8 + g * 16); }
  static octets codes(const Strip& rows, int i, int g) { return add128(look_up(levels, indices(rows, i, g))); }
  static void facts(const Strip& rows, GroupFacts facts) {
    const ints first = row_words(rows, 0), low = row_words(rows, 4);
    const vec d = low_halves(first);
#pragma GCC unroll 8
    for (int g = 0; g < 8; ++g) {
      const ints four = bit_and(shift_right(low, g * 4), splat_int(15));
      const ints two = bit_and(shift_right(first, 16 + g * 2), splat_int(3));
      facts.centre(g, mul(to_float(sub(bit_or(four, shift_left(two, 4)), splat_int(32))), d), 128);
    }
  }
};

}  // namespace
}  // namespace deadlift::DEADLIFT_ISA

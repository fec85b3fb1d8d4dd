// U4_SCALED and U8_SCALED: 32 integers with a scale and a zero point; value = d * (q - z). Made at load, in no file.
//
//   byte  0  1  2  3     4        5              19
//        [z][   d   ]   [q16|q0 ][q17|q1 ] ... [q31|q15]     U4_SCALED: block of 32 values, 20 bytes
//        [z][   d   ]   [q0][q1]           ... [q31]         U8_SCALED: block of 32 values, 36 bytes
//
// d is the upper three bytes of an F32: every F16 and every BF16 is one, and d * (q - z) is exact.

#include "kernels/cpu/strip.h"

namespace deadlift::DEADLIFT_ISA {
namespace {

template <int bits>
struct scaled_integers {
  static constexpr int block = 32, bytes = 4 + 4 * bits;
  static constexpr int step = block;

  struct Block {
    uint8_t word[4];
    uint8_t q[4 * bits];
  };
  static_assert(sizeof(Block) == bytes);

  const Block* at;
  ints z;
  vec d;

  static float scale(const Block* at) {
    uint32_t word;
    memcpy(&word, at->word, 4);
    return bits_to_float(word & ~255u);
  }
  explicit scaled_integers(const uint8_t* row, int k)
      : at(reinterpret_cast<const Block*>(row) + k / block), z(splat_int(at->word[0])), d(splat(scale(at))) {}
  ints codes(int first) const {
    if constexpr (bits == 8) return load_u8(at->q + first);
    const ints pairs = load_u8(at->q + first % 16);
    return first < 16 ? bit_and(pairs, splat_int(15)) : shift_right(pairs, 4);
  }
  vec part(int i) const { return mul(to_float(sub(codes(i * lanes), z)), d); }

  static constexpr int group = 32;
  static octets codes(const Strip& rows, int i, int) {
    if constexpr (bits == 8) return load_octets(rows, i, 4);
    return load_nibbles(rows, i, 4);
  }
  static void facts(const Strip& rows, GroupFacts facts) {
    const ints word = row_words(rows, 0);
    const vec d = as_float(bit_and(word, splat_int(~255)));
    facts.set(0, d, mul(mul(to_float(bit_and(word, splat_int(255))), d), splat(-1)));
  }
};

using u4_scaled = scaled_integers<4>;
using u8_scaled = scaled_integers<8>;

}  // namespace
}  // namespace deadlift::DEADLIFT_ISA

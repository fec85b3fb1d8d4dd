// Q3_K: 256 three-bit numbers, 16 groups with a scale each; value = d * (s - 32) * (q - 4).
//
//   byte  0              31     32                 95     96      107      108 109
//        [h224 ... h32|h0] ... [q96|q64|q32|q0 ] ...     [s, six bits]    [d: F16]     block of 256 values, 110 bytes
//         third bits, 1 each    2 low bits each,          (k_groups.h)                 (ggml block_q3_K)
//                               twice 32 bytes

#include "kernels/cpu/quants/k_groups.h"
#include "kernels/cpu/strip.h"

namespace deadlift::DEADLIFT_ISA {
namespace {

struct q3_k {
  static constexpr int block = 256, bytes = 110;
  static constexpr int step = block;

  struct Block {
    uint8_t h[32];
    uint8_t q[64];
    uint8_t s[12];
    uint8_t d[2];
  };
  static_assert(sizeof(Block) == bytes);

  const Block* at;
  CentredGroups groups;

  explicit q3_k(const uint8_t* row, int k)
      : at(reinterpret_cast<const Block*>(row) + k / block), groups(at->s, half_to_float(at->d)) {}

  struct Run {
    static constexpr int values = 64;
    const uint8_t* q;
    const uint8_t* h;
    int shift, high_shift;
    const float* scale;
    vec part(int i) const {
      const int first = i * lanes, run = first / 32;
      const ints low = bit_and(shift_right(load_u8(q + first % 32), shift + run * 2), splat_int(3));
      const ints high = bit_and(shift_right(load_u8(h + first % 32), high_shift + run), splat_int(1));
      return mul(to_float(sub(bit_or(low, shift_left(high, 2)), splat_int(4))), splat(scale[first / 16]));
    }
  };
  Run open(int i) const { return {at->q + i / 2 * 32, at->h, i % 2 * 4, 2 * i, groups.scale + 4 * i}; }

  static constexpr int group = 16;
  static octets codes(const Strip& rows, int i, int g) {
    const octets low = pick(load_octets(rows, i, 32 + g / 4 * 32), g % 4 * 2, 3);
    return join(low, raise(pick(load_octets(rows, i, 0), g, 1), 2));
  }
  static void facts(const Strip& rows, GroupFacts facts) {
    const vec d = low_halves(shift_right(row_words(rows, 106), 16));
    const ints high = row_words(rows, 104);
#pragma GCC unroll 16
    for (int g = 0; g < 16; ++g) {
      const ints four = shift_right(row_words(rows, 96 + g / 4 % 2 * 4), g % 4 * 8 + g / 8 * 4);
      const ints two = shift_right(high, g % 4 * 8 + g / 4 * 2);
      const ints scale = bit_or(bit_and(four, splat_int(15)), shift_left(bit_and(two, splat_int(3)), 4));
      facts.centre(g, mul(to_float(sub(scale, splat_int(32))), d), 4);
    }
  }
};

}  // namespace
}  // namespace deadlift::DEADLIFT_ISA

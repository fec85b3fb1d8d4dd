// Q2_K: 256 two-bit numbers, 16 groups with a scale and a least value each; value = d * s * q - dmin * m.
//
//   byte  0      15     16                  79     80 81   82 83
//        [m0|s0 ] ...  [q96|q64|q32|q0 ] ...      [d: F16][dmin: F16]     block of 256 values, 84 bytes
//         4    4 bits   2 bits each, twice 32 bytes                       (ggml block_q2_K)

#include "kernels/cpu/quants/k_groups.h"
#include "kernels/cpu/strip.h"

namespace deadlift::DEADLIFT_ISA {
namespace {

struct q2_k {
  static constexpr int block = 256, bytes = 84;
  static constexpr int step = block;

  struct Block {
    uint8_t groups[16];
    uint8_t q[64];
    uint8_t d[2];
    uint8_t dmin[2];
  };
  static_assert(sizeof(Block) == bytes);

  const Block* at;
  FourBitGroups groups;

  explicit q2_k(const uint8_t* row, int k)
      : at(reinterpret_cast<const Block*>(row) + k / block),
        groups(at->groups, half_to_float(at->d), half_to_float(at->dmin)) {}

  struct Run {
    static constexpr int values = 64;
    const uint8_t* q;
    int shift;
    const float* scale;
    const float* least;
    vec part(int i) const {
      const int first = i * lanes;
      const ints codes = shift_right(load_u8(q + first % 32), shift + first / 32 * 2);
      return fma(to_float(bit_and(codes, splat_int(3))), splat(scale[first / 16]), splat(least[first / 16]));
    }
  };
  Run open(int i) const { return {at->q + i / 2 * 32, i % 2 * 4, groups.scale + 4 * i, groups.least + 4 * i}; }

  static constexpr int group = 16;
  static octets codes(const Strip& rows, int i, int g) {
    return pick(load_octets(rows, i, 16 + g / 4 * 32), g % 4 * 2, 3);
  }
  static void facts(const Strip& rows, GroupFacts facts) {
    const ints both = row_words(rows, 80);
    const vec d = low_halves(both), dmin = mul(low_halves(shift_right(both, 16)), splat(-1));
    ints words[4];
    row_words(rows, 0, words);
#pragma GCC unroll 16
    for (int g = 0; g < 16; ++g) {
      const ints scale = bit_and(shift_right(words[g / 4], g % 4 * 8), splat_int(15));
      const ints least = bit_and(shift_right(words[g / 4], g % 4 * 8 + 4), splat_int(15));
      facts.set(g, mul(to_float(scale), d), mul(to_float(least), dmin));
    }
  }
};

}  // namespace
}  // namespace deadlift::DEADLIFT_ISA

// Q6_K: 256 six-bit numbers, 16 groups with a signed scale each; value = d * s * (q - 32).
//
//   byte  0               63     ...  127   128                159    ...  191   192   207   208 209
//        [q64|q0 ] ... [q127|q63][q192|q128][h96|h64|h32|h0] ...    [h128 ...]  [s0 ... s15][d: F16]
//         low four bits                      high two bits                       bytes
//
// A block of 256 values is 210 bytes (ggml block_q6_K).

#include "kernels/cpu/quants/k_groups.h"
#include "kernels/cpu/strip.h"

namespace deadlift::DEADLIFT_ISA {
namespace {

struct q6_k {
  static constexpr int block = 256, bytes = 210;
  static constexpr int step = block;

  struct Block {
    uint8_t q[128];
    uint8_t h[64];
    int8_t s[16];
    uint8_t d[2];
  };
  static_assert(sizeof(Block) == bytes);

  const Block* at;
  SignedGroups groups;

  explicit q6_k(const uint8_t* row, int k)
      : at(reinterpret_cast<const Block*>(row) + k / block), groups(at->s, half_to_float(at->d)) {}

  struct Run {
    static constexpr int values = 64;
    const uint8_t* q;
    const uint8_t* h;
    int shift;
    const float* scale;
    vec part(int i) const {
      const int first = i * lanes;
      const ints low = bit_and(shift_right(load_u8(q + first), shift), splat_int(15));
      const ints highs = shift_right(load_u8(h + first % 32), shift);
      const ints codes = bit_or(low, bit_and(shift_left(highs, 4 - first / 32 * 2), splat_int(48)));
      return mul(to_float(sub(codes, splat_int(32))), splat(scale[first / 16]));
    }
  };
  // Of each 128 numbers, numbers i and 64 + i share a byte of low bits.
  Run open(int i) const { return {at->q + i / 2 * 64, at->h + i / 2 * 32, i % 2 * 4, groups.scale + 4 * i}; }

  static constexpr int group = 16;
  static octets codes(const Strip& rows, int i, int g) {
    const octets low = pick(load_octets(rows, i, g / 4 * 64 + g % 2 * 32), g % 4 / 2 * 4, 15);
    return join(low, raise(pick(load_octets(rows, i, 128 + g / 4 * 32), g % 4 * 2, 3), 4));
  }
  static void facts(const Strip& rows, GroupFacts facts) {
    const vec d = low_halves(shift_right(row_words(rows, 206), 16));
    ints words[4];
    row_words(rows, 192, words);
#pragma GCC unroll 16
    for (int g = 0; g < 16; ++g) facts.centre(g, mul(to_float(signed_byte(words[g / 4], g % 4)), d), 32);
  }
};

}  // namespace
}  // namespace deadlift::DEADLIFT_ISA

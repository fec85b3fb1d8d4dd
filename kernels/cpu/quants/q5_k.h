// Q5_K: Q4_K with a fifth bit for each number; value = d * s * q - dmin * m.
//
//   byte  0 1     2 3        4         15   16             47     48              79     ...  175
//        [d: F16][dmin: F16][s and m, six ][h224 ... h32|h0] ... [q32|q0 ] ... [q63|q31] ...
//                           bits: k_groups.h fifth bits           high|low nibble
//
// A block of 256 values is 176 bytes (ggml block_q5_K).

#include "kernels/cpu/quants/k_groups.h"
#include "kernels/cpu/strip.h"

namespace deadlift::DEADLIFT_ISA {
namespace {

struct q5_k {
  static constexpr int block = 256, bytes = 176;
  static constexpr int step = block;

  struct Block {
    uint8_t d[2];
    uint8_t dmin[2];
    uint8_t groups[12];
    uint8_t h[32];
    uint8_t q[128];
  };
  static_assert(sizeof(Block) == bytes);

  const Block* at;
  SixBitGroups groups;

  explicit q5_k(const uint8_t* row, int k)
      : at(reinterpret_cast<const Block*>(row) + k / block),
        groups(at->groups, half_to_float(at->d), half_to_float(at->dmin)) {}

  // Two groups, which share their bytes.
  struct Run {
    static constexpr int values = 64;
    const uint8_t* q;
    const uint8_t* h;
    int shift;
    const float* scale;
    const float* least;
    vec part(int i) const {
      const int first = i * lanes, g = first / 32;
      const ints pairs = load_u8(q + first % 32), highs = shift_right(load_u8(h + first % 32), shift);
      const ints low = g ? shift_right(pairs, 4) : bit_and(pairs, splat_int(15));
      const ints codes = bit_or(low, bit_and(shift_left(highs, 4 - g), splat_int(16)));
      return fma(to_float(codes), splat(scale[g]), splat(least[g]));
    }
  };
  Run open(int i) const { return {at->q + 32 * i, at->h, 2 * i, groups.scale + 2 * i, groups.least + 2 * i}; }

  static constexpr int group = 32;
  static octets codes(const Strip& rows, int i, int g) {
    const octets low = pick(load_octets(rows, i, 48 + g / 2 * 32), g % 2 * 4, 15);
    return join(low, raise(pick(load_octets(rows, i, 16), g, 1), 4));
  }
  static void facts(const Strip& rows, GroupFacts facts) { SixBitGroups::facts(rows, facts); }
};

}  // namespace
}  // namespace deadlift::DEADLIFT_ISA

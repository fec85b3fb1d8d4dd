// Q4_K: 256 four-bit numbers, 8 groups with a scale and a least value each; value = d * s * q - dmin * m.
//
//   byte  0 1     2 3        4         15   16              47     48          79     ...  143
//        [d: F16][dmin: F16][s and m, six ][q32|q0 ] ... [q63|q31][q96|q64] ...       ...        block of 256 values,
//                           bits: k_groups.h high|low nibble                                     144 bytes
//                                                                                                (ggml block_q4_K)

#include "kernels/cpu/quants/k_groups.h"
#include "kernels/cpu/strip.h"

namespace deadlift::DEADLIFT_ISA {
namespace {

struct q4_k {
  static constexpr int block = 256, bytes = 144;
  static constexpr int step = block;

  struct Block {
    uint8_t d[2];
    uint8_t dmin[2];
    uint8_t groups[12];
    uint8_t q[4][32];
  };
  static_assert(sizeof(Block) == bytes);

  const Block* at;
  SixBitGroups groups;

  explicit q4_k(const uint8_t* row, int k)
      : at(reinterpret_cast<const Block*>(row) + k / block),
        groups(at->groups, half_to_float(at->d), half_to_float(at->dmin)) {}

  // Two groups, which share their bytes.
  struct Run {
    static constexpr int values = 64;
    const uint8_t* q;
    Ramp first, second;
    vec part(int i) const {
      const int at = i * lanes;
      return at < 32 ? first.low(q + at) : second.high(q + at - 32);
    }
  };
  Run open(int i) const {
    return {at->q[i], {groups.scale[2 * i], groups.least[2 * i]}, {groups.scale[2 * i + 1], groups.least[2 * i + 1]}};
  }

  static constexpr int group = 32;
  static octets codes(const Strip& rows, int i, int g) {
    return pick(load_octets(rows, i, 16 + g / 2 * 32), g % 2 * 4, 15);
  }
  static void facts(const Strip& rows, GroupFacts facts) { SixBitGroups::facts(rows, facts); }
};

}  // namespace
}  // namespace deadlift::DEADLIFT_ISA

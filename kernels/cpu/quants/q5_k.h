// Q5_K: Q4_K with a fifth bit for each number; value = d * s * q - dmin * m.
//
//   byte  0 1     2 3        4         15   16             47     48              79     ...  175
//        [d: F16][dmin: F16][s and m, six ][h224 ... h32|h0] ... [q32|q0 ] ... [q63|q31] ...        block of 256
//        values,
//                           bits: k_groups.h fifth bits           high|low nibble                   176 bytes
//                                                                                                   (ggml block_q5_K)

#include "kernels/cpu/quants/k_groups.h"

namespace deadlift::DEADLIFT_ISA {
namespace {

struct q5_k {
  static constexpr int block = 256, bytes = 176;
  static constexpr int step = block;
  static constexpr bool direct = true;

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
  vec part(int i) const {
    const int first = i * lanes, g = first / 32;
    const ints q = bit_or(run_codes<4>(at->q, first), shift_left(run_codes<1>(at->h, first), 4));
    return fma(to_float(q), splat(groups.scale[g]), splat(groups.least[g]));
  }
};

}  // namespace
}  // namespace deadlift::DEADLIFT_ISA

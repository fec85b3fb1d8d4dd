// Q6_K: 256 six-bit numbers, 16 groups with a signed scale each; value = d * s * (q - 32).
//
//   byte  0               63     ...  127   128                159    ...  191   192   207   208 209
//        [q64|q0 ] ... [q127|q63][q192|q128][h96|h64|h32|h0] ...    [h128 ...]  [s0 ... s15][d: F16]
//         low four bits                      high two bits                       bytes       block of 256 values,
//                                                                                            210 bytes (ggml
//                                                                                            block_q6_K)

#include "kernels/cpu/quants/k_groups.h"

namespace deadlift::DEADLIFT_ISA {
namespace {

struct q6_k {
  static constexpr int block = 256, bytes = 210;
  static constexpr int step = block;
  static constexpr bool direct = true;

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
  // Of each 128 numbers, numbers i and 64 + i share a byte of low bits.
  vec part(int i) const {
    const int first = i * lanes;
    const ints pairs = load_u8(at->q + first / 128 * 64 + first % 64);
    const ints low = bit_and(shift_right(pairs, first / 64 % 2 * 4), splat_int(15));
    const ints q = bit_or(low, shift_left(run_codes<2>(at->h, first), 4));
    return mul(to_float(sub(q, splat_int(32))), splat(groups.scale[first / 16]));
  }
};

}  // namespace
}  // namespace deadlift::DEADLIFT_ISA

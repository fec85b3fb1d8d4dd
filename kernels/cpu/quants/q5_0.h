// Q5_0: 32 five-bit numbers with one scale; value = d * (q - 16).
//
//   byte  0 1     2          5     6        7              21
//        [d: F16][h7..h0] ...     [q16|q0 ][q17|q1 ] ... [q31|q15]     block of 32 values, 22 bytes (ggml block_q5_0)
//                 fifth bits       high|low nibble

#include "kernels/cpu/quants/five_bits.h"

namespace deadlift::DEADLIFT_ISA {
namespace {

struct q5_0 {
  static constexpr int block = 32, bytes = 22;
  static constexpr int step = block;
  static constexpr bool direct = false;

  struct Block {
    uint8_t d[2];
    uint8_t h[4];
    uint8_t q[16];
  };
  static_assert(sizeof(Block) == bytes);

  const Block* at;
  vec d;

  explicit q5_0(const uint8_t* row, int k)
      : at(reinterpret_cast<const Block*>(row) + k / block), d(splat(half_to_float(at->d))) {}
  vec part(int i) const { return mul(to_float(sub(five_bits(at->q, at->h, i * lanes), splat_int(16))), d); }
};

}  // namespace
}  // namespace deadlift::DEADLIFT_ISA

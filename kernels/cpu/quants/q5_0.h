// Q5_0: 32 five-bit numbers with one scale; value = d * (q - 16).
//
//   byte  0 1     2          5     6        7              21
//        [d: F16][h7..h0] ...     [q16|q0 ][q17|q1 ] ... [q31|q15]     block of 32 values, 22 bytes (ggml block_q5_0)
//                 fifth bits       high|low nibble

#include "kernels/cpu/quants/five_bits.h"
#include "kernels/cpu/strip.h"

namespace deadlift::DEADLIFT_ISA {
namespace {

struct q5_0 {
  static constexpr int block = 32, bytes = 22;
  static constexpr int step = block;

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

  static constexpr int group = 32;
  static octets codes(const Strip& rows, int i, int) {
    return join(load_nibbles(rows, i, 6), load_bits(rows, i, 2, 16));
  }
  static void facts(const Strip& rows, GroupFacts facts) { facts.centre(0, low_halves(row_words(rows, 0)), 16); }
};

}  // namespace
}  // namespace deadlift::DEADLIFT_ISA

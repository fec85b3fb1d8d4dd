// Q5_1: 32 five-bit numbers with a scale and a least value; value = d * q + m.
//
//   byte  0 1     2 3     4          7     8        9              23
//        [d: F16][m: F16][h7..h0] ...     [q16|q0 ][q17|q1 ] ... [q31|q15]     block of 32 values, 24 bytes
//                         fifth bits       high|low nibble                     (ggml block_q5_1)

#include "kernels/cpu/quants/five_bits.h"
#include "kernels/cpu/strip.h"

namespace deadlift::DEADLIFT_ISA {
namespace {

struct q5_1 {
  static constexpr int block = 32, bytes = 24;
  static constexpr int step = block;

  struct Block {
    uint8_t d[2];
    uint8_t m[2];
    uint8_t h[4];
    uint8_t q[16];
  };
  static_assert(sizeof(Block) == bytes);

  const Block* at;
  vec d, m;

  explicit q5_1(const uint8_t* row, int k)
      : at(reinterpret_cast<const Block*>(row) + k / block),
        d(splat(half_to_float(at->d))),
        m(splat(half_to_float(at->m))) {}
  // d * q is exact in f32, so one rounding or two in fma give the same.
  vec part(int i) const { return fma(to_float(five_bits(at->q, at->h, i * lanes)), d, m); }

  static constexpr int group = 32;
  static octets codes(const Strip& rows, int i, int) {
    return join(load_nibbles(rows, i, 8), load_bits(rows, i, 4, 16));
  }
  static void facts(const Strip& rows, GroupFacts facts) {
    const ints both = row_words(rows, 0);
    facts.set(0, low_halves(both), low_halves(shift_right(both, 16)));
  }
};

}  // namespace
}  // namespace deadlift::DEADLIFT_ISA

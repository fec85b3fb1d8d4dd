// Q4_1: 32 four-bit numbers with a scale and a least value; value = d * q + m.
//
//   byte  0 1     2 3     4        5              19
//        [d: F16][m: F16][q16|q0 ][q17|q1 ] ... [q31|q15]     block of 32 values, 20 bytes (ggml block_q4_1)
//                         high|low nibble

#include "kernels/cpu/strip.h"

namespace deadlift::DEADLIFT_ISA {
namespace {

struct q4_1 {
  static constexpr int block = 32, bytes = 20;
  static constexpr int step = block;

  struct Block {
    uint8_t d[2];
    uint8_t m[2];
    uint8_t q[16];
  };
  static_assert(sizeof(Block) == bytes);

  const Block* at;
  vec d, m;

  explicit q4_1(const uint8_t* row, int k)
      : at(reinterpret_cast<const Block*>(row) + k / block),
        d(splat(half_to_float(at->d))),
        m(splat(half_to_float(at->m))) {}
  // d * q is exact in f32, so one rounding or two in fma give the same.
  vec part(int i) const {
    const int first = i * lanes;
    const ints pairs = load_u8(at->q + first % 16);
    const ints q = first < 16 ? bit_and(pairs, splat_int(15)) : shift_right(pairs, 4);
    return fma(to_float(q), d, m);
  }

  static constexpr int group = 32;
  static octets codes(const Strip& rows, int i, int) { return load_nibbles(rows, i, 4); }
  static void facts(const Strip& rows, GroupFacts facts) {
    const ints both = row_words(rows, 0);
    facts.set(0, low_halves(both), low_halves(shift_right(both, 16)));
  }
};

}  // namespace
}  // namespace deadlift::DEADLIFT_ISA

// Q4_0: 32 four-bit numbers with one scale; value = d * (q - 8).
//
//   byte  0 1     2        3              17
//        [d: F16][q16|q0 ][q17|q1 ] ... [q31|q15]     block of 32 values, 18 bytes (ggml block_q4_0)
//                 high|low nibble

#include "kernels/cpu/strip.h"

namespace deadlift::DEADLIFT_ISA {
namespace {

constexpr Levels q4_0_levels = make_levels(-8, -7, -6, -5, -4, -3, -2, -1, 0, 1, 2, 3, 4, 5, 6, 7);

struct q4_0 {
  static constexpr int block = 32, bytes = 18;
  static constexpr int step = block;

  struct Block {
    uint8_t d[2];
    uint8_t q[16];
  };
  static_assert(sizeof(Block) == bytes);

  const Block* at;
  nibbles values;  // what the 16 codes mean under this scale

  explicit q4_0(const uint8_t* row, int k)
      : at(reinterpret_cast<const Block*>(row) + k / block), values(q4_0_levels, half_to_float(at->d)) {}
  vec part(int i) const {
    const int first = i * lanes;
    return first < 16 ? values.low(at->q + first) : values.high(at->q + first - 16);
  }

  static constexpr int group = 32;
  static octets codes(const Strip& rows, int i, int) { return load_nibbles(rows, i, 2); }
  static void facts(const Strip& rows, GroupFacts facts) { facts.centre(0, low_halves(row_words(rows, 0)), 8); }
};

}  // namespace
}  // namespace deadlift::DEADLIFT_ISA

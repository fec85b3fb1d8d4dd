// Q8_0: 32 signed bytes with one scale; value = d * q.
//
//   byte  0 1     2   3         33
//        [d: F16][q0][q1] ... [q31]     block of 32 values, 34 bytes (ggml block_q8_0)

#include "kernels/cpu/strip.h"

namespace deadlift::DEADLIFT_ISA {
namespace {

struct q8_0 {
  static constexpr int block = 32, bytes = 34;
  static constexpr int step = block;

  struct Block {
    uint8_t d[2];
    int8_t q[32];
  };
  static_assert(sizeof(Block) == bytes);

  const Block* at;
  vec d;

  // The product of a half and a byte is exact in f32: decoding rounds nothing.
  explicit q8_0(const uint8_t* row, int k)
      : at(reinterpret_cast<const Block*>(row) + k / block), d(splat(half_to_float(at->d))) {}
  vec part(int i) const { return mul(load_i8(at->q + i * lanes), d); }

  static constexpr int group = 32;
  static octets codes(const Strip& rows, int i, int) { return add128(load_octets(rows, i, 2)); }
  static void facts(const Strip& rows, GroupFacts facts) { facts.centre(0, low_halves(row_words(rows, 0)), 128); }
};

}  // namespace
}  // namespace deadlift::DEADLIFT_ISA

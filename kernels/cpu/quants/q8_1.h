// Q8_1: Q8_0 with the sum of its values, which decoding does not need; value = d * q.
//
//   byte  0 1     2 3     4   5         35
//        [d: F16][s: F16][q0][q1] ... [q31]     block of 32 values, 36 bytes (ggml block_q8_1)

namespace deadlift::DEADLIFT_ISA {
namespace {

struct q8_1 {
  static constexpr int block = 32, bytes = 36;
  static constexpr int step = block;
  static constexpr bool direct = false;

  struct Block {
    uint8_t d[2];
    uint8_t s[2];
    int8_t q[32];
  };
  static_assert(sizeof(Block) == bytes);

  const Block* at;
  vec d;

  explicit q8_1(const uint8_t* row, int k)
      : at(reinterpret_cast<const Block*>(row) + k / block), d(splat(half_to_float(at->d))) {}
  vec part(int i) const { return mul(load_i8(at->q + i * lanes), d); }
};

}  // namespace
}  // namespace deadlift::DEADLIFT_ISA

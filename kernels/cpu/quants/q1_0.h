// Q1_0: 128 signs with one scale; value = d where the bit is set, else -d.
//
//   byte  0 1     2            17
//        [d: F16][q7-q0] ... [q127-q120]     block of 128 values, 18 bytes (ggml block_q1_0)
//                 high-low bit

namespace deadlift::DEADLIFT_ISA {
namespace {

struct q1_0 {
  static constexpr int block = 128, bytes = 18;
  static constexpr int step = 32;
  static constexpr bool direct = false;

  struct Block {
    uint8_t d[2];
    uint8_t q[4][4];
  };
  static_assert(sizeof(Block) == bytes);

  uint32_t minus;
  vec d;

  explicit q1_0(const Block& at, int s) : minus(~load_u32(at.q[s])), d(splat(half_to_float(at.d))) {}
  explicit q1_0(const uint8_t* row, int k) : q1_0(reinterpret_cast<const Block*>(row)[k / block], k % block / step) {}
  vec part(int i) const { return flip(d, minus >> i * lanes); }
};

}  // namespace
}  // namespace deadlift::DEADLIFT_ISA

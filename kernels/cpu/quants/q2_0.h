// Q2_0: 64 two-bit numbers with one scale; value = d * (q - 1).
//
//   byte  0 1     2                 17
//        [d: F16][q3 q2 q1 q0] ... [q63 q62 q61 q60]     block of 64 values, 18 bytes (ggml block_q2_0)
//                 high ... low bits
//
// q = 3, twice the scale, is a value that ggml's encoder never writes: it takes the largest magnitude for the scale.

namespace deadlift::DEADLIFT_ISA {
namespace {

struct q2_0 {
  static constexpr int block = 64, bytes = 18;
  static constexpr int step = 16;
  static constexpr bool direct = false;

  struct Block {
    uint8_t d[2];
    uint8_t q[4][4];
  };
  static_assert(sizeof(Block) == bytes);

  uint32_t codes;
  vec d;

  explicit q2_0(const Block& at, int s) : codes(load_u32(at.q[s])), d(splat(half_to_float(at.d))) {}
  explicit q2_0(const uint8_t* row, int k) : q2_0(reinterpret_cast<const Block*>(row)[k / block], k % block / step) {}
  vec part(int i) const { return mul(to_float(sub(lane_pairs(codes >> i * lanes * 2), splat_int(1))), d); }
};

}  // namespace
}  // namespace deadlift::DEADLIFT_ISA

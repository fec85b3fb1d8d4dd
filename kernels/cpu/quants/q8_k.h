// Q8_K: 256 signed bytes with one F32 scale, and sums which decoding does not need; value = d * q.
//
//   byte  0    3   4   5         259   260 261        291
//        [d: F32 ][q0][q1] ... [q255] [s0: I16] ... [s15]     block of 256 values, 292 bytes (ggml block_q8_K)

namespace deadlift::DEADLIFT_ISA {
namespace {

struct q8_k {
  static constexpr int block = 256, bytes = 292;
  static constexpr int step = block;
  static constexpr bool direct = false;

  struct Block {
    uint8_t d[4];
    int8_t q[256];
    uint8_t sums[32];
  };
  static_assert(sizeof(Block) == bytes);

  const Block* at;
  vec d;

  explicit q8_k(const uint8_t* row, int k) : at(reinterpret_cast<const Block*>(row) + k / block) {
    float scale;
    memcpy(&scale, at->d, 4);
    d = splat(scale);
  }
  vec part(int i) const { return mul(load_i8(at->q + i * lanes), d); }
};

}  // namespace
}  // namespace deadlift::DEADLIFT_ISA

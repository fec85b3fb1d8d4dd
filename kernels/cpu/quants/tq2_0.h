// TQ2_0: 256 ternary numbers, four in a byte, with one scale; value = d * (q - 1).
//
//   byte  0                         31                  32                                   64 65
//        [q96  q64  q32  q0 ] ... [q127 q95  q63  q31 ][q224 q192 q160 q128] ... 32 of them [d: F16]
//         high bits ... low bits                           block of 256 values, 66 bytes (ggml block_tq2_0)
//
// q = 3, twice the scale, is a value that no encoder writes.

namespace deadlift::DEADLIFT_ISA {
namespace {

struct tq2_0 {
  static constexpr int block = 256, bytes = 66;
  static constexpr int step = 32;
  static constexpr bool direct = false;

  struct Block {
    uint8_t q[2][32];
    uint8_t d[2];
  };
  static_assert(sizeof(Block) == bytes);

  const uint8_t* q;
  int shift;
  vec d;

  explicit tq2_0(const Block& at, int s) : q(at.q[s / 4]), shift(s % 4 * 2), d(splat(half_to_float(at.d))) {}
  explicit tq2_0(const uint8_t* row, int k) : tq2_0(reinterpret_cast<const Block*>(row)[k / block], k % block / step) {}
  vec part(int i) const {
    const ints codes = bit_and(shift_right(load_u8(q + i * lanes), shift), splat_int(3));
    return mul(to_float(sub(codes, splat_int(1))), d);
  }
};

}  // namespace
}  // namespace deadlift::DEADLIFT_ISA

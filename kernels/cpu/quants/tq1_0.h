// TQ1_0: 256 ternary numbers, five in a byte, with one scale; value = d * q, q of -1, 0, 1.
//
//   byte  0                               32                         48                     52 53
//        [q128 q96 q64 q32 q0] ... 32 of [q224 ... q176 q160] ... 16 of [q252 q248 q244 q240] ... 4 of [d: F16]
//         last ... first digit                                     block of 256 values, 54 bytes (ggml block_tq1_0)
//
// A byte is the fraction 0.abcde in base 3 (digits q + 1, rounded up to a 256th), so that multiplying it by 3 moves its
// next digit into the carry.

namespace deadlift::DEADLIFT_ISA {
namespace {

struct tq1_0 {
  static constexpr int block = 256, bytes = 54;
  static constexpr int step = 16;
  static constexpr bool direct = false;

  struct Block {
    uint8_t q[32];  // values 0 to 159
    uint8_t r[16];  // values 160 to 239
    uint8_t s[4];   // values 240 to 255
    uint8_t d[2];
  };
  static_assert(sizeof(Block) == bytes);

  uint8_t fractions[16];  // whose first digits are the values
  vec d;

  explicit tq1_0(const Block& at, int s) : d(splat(half_to_float(at.d))) {
    constexpr uint8_t powers[] = {1, 3, 9, 27, 81};
    if (s == 15) {
      for (int i = 0; i < 16; ++i) fractions[i] = static_cast<uint8_t>(at.s[i % 4] * powers[i / 4]);
      return;
    }
    const uint8_t* from = s < 10 ? at.q + s % 2 * 16 : at.r;
    const int power = powers[s < 10 ? s / 2 : s - 10];
    for (int i = 0; i < 16; ++i) fractions[i] = static_cast<uint8_t>(from[i] * power);
  }
  explicit tq1_0(const uint8_t* row, int k) : tq1_0(reinterpret_cast<const Block*>(row)[k / block], k % block / step) {}
  vec part(int i) const {
    const ints thrice = mul(load_u8(fractions + i * lanes), splat_int(3));
    return mul(to_float(sub(shift_right(thrice, 8), splat_int(1))), d);
  }
};

}  // namespace
}  // namespace deadlift::DEADLIFT_ISA

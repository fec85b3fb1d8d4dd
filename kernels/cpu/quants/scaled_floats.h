// F8_SCALED, NF4 and FP4: 64 small floating-point numbers with one scale; value = d * level. Made at load, in no file.
//
//   byte  0 1 2 3     4        5              35
//        [d: F32]    [q32|q0 ][q33|q1 ] ... [q63|q31]     NF4 and FP4: block of 64 values, 36 bytes
//        [d: F32]    [q0][q1]                 ... [q63]   F8_SCALED: block of 64 values, 68 bytes; q is F8_E4M3

namespace deadlift::DEADLIFT_ISA {
namespace {

inline float load_scale(const uint8_t* p) {
  uint32_t word;
  memcpy(&word, p, 4);
  return bits_to_float(word);
}

struct f8_scaled {
  static constexpr int block = 64, bytes = 68;
  static constexpr int step = block;
  static constexpr bool direct = true;

  struct Block {
    uint8_t d[4];
    uint8_t q[64];
  };
  static_assert(sizeof(Block) == bytes);

  const Block* at;
  vec d;

  explicit f8_scaled(const uint8_t* row, int k)
      : at(reinterpret_cast<const Block*>(row) + k / block), d(splat(load_scale(at->d))) {}
  // Exponent and mantissa in the places of an F32 make the value times 2^-120, subnormal ones too. In NaN, which has
  // all seven bits set, the other four bits of the exponent are set as well.
  vec part(int i) const {
    const ints codes = load_u8(at->q + i * lanes);
    const ints magnitude = bit_and(codes, splat_int(127));
    const ints nan = bit_and(add(magnitude, splat_int(1)), splat_int(128));
    const ints high = sub(shift_left(nan, 24), shift_left(nan, 20));
    const ints sign = shift_left(bit_and(codes, splat_int(128)), 24);
    const vec small = as_float(bit_or(bit_or(shift_left(magnitude, 20), high), sign));
    return mul(mul(small, splat(0x1p120f)), d);
  }
};

template <const float (&levels)[16]>
struct scaled_levels {
  static constexpr int block = 64, bytes = 36;
  static constexpr int step = block;
  static constexpr bool direct = false;

  struct Block {
    uint8_t d[4];
    uint8_t q[32];
  };
  static_assert(sizeof(Block) == bytes);

  const Block* at;
  vec d;

  explicit scaled_levels(const uint8_t* row, int k)
      : at(reinterpret_cast<const Block*>(row) + k / block), d(splat(load_scale(at->d))) {}
  vec part(int i) const {
    const int first = i * lanes, shift = first < 32 ? 0 : 4;
    float values[lanes];
    for (int l = 0; l < lanes; ++l) values[l] = levels[at->q[first % 32 + l] >> shift & 15];
    return mul(load(values), d);
  }
};

// QLoRA (arXiv 2305.14314), appendix E.
constexpr float nf4_levels[16] = {-1.0f,
                                  -0.6961928009986877f,
                                  -0.5250730514526367f,
                                  -0.39491748809814453f,
                                  -0.28444138169288635f,
                                  -0.18477343022823334f,
                                  -0.09105003625154495f,
                                  0.0f,
                                  0.07958029955625534f,
                                  0.16093020141124725f,
                                  0.24611230194568634f,
                                  0.33791524171829224f,
                                  0.44070982933044434f,
                                  0.5626170039176941f,
                                  0.7229568362236023f,
                                  1.0f};
// bitsandbytes: sign 1, exponent 2, mantissa 1; the largest is 1, no code is -0.
constexpr float fp4_levels[16] = {0.0f, 0.0625f / 12,  8.0f / 12,  1.0f,  4.0f / 12,  0.5f,  2.0f / 12,  0.25f,
                                  0.0f, -0.0625f / 12, -8.0f / 12, -1.0f, -4.0f / 12, -0.5f, -2.0f / 12, -0.25f};

using nf4 = scaled_levels<nf4_levels>;
using fp4 = scaled_levels<fp4_levels>;

}  // namespace
}  // namespace deadlift::DEADLIFT_ISA

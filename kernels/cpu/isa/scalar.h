// The SIMD words in plain C++: their meaning, and the instruction set of last resort.
//
// Every instruction set defines the same words: `lanes` floats in a `vec`; `load` and `store` at any alignment, `_part`
// for the first n lanes (the others read as 0 and are not written); arithmetic by lane; `sum4`: the sums of four
// vectors.

#include <math.h>
#include <stdint.h>
#include <string.h>

#include "kernels/cpu/isa/values.h"

namespace deadlift::DEADLIFT_ISA {
namespace {

constexpr int lanes = 8;
constexpr int tile_tokens = 2;  // tokens in registers at once in `linear`: tile_tokens * 4 sums
// Up to so many tokens `linear` decodes the weights of types in demand in registers, again for every tile of tokens.
// Here they would not stay there.
constexpr int direct_tokens = 0;
// Rows of weights and vectors of tokens in registers at once in `linear_texts`.
constexpr int text_rows = 2, text_vectors = 1;
// Queries in registers at once in `attend`, and vectors of their scores and of their results.
constexpr int query_tile = 2;
constexpr int score_tile_vectors = 2;
constexpr int mix_tile_vectors = 2;

struct vec {
  float v[lanes];
};
struct ints {  // 32 bits each: the codes of quants, before they are numbers
  int32_t v[lanes];
};

#define DEADLIFT_LANES for (int i = 0; i < lanes; ++i)

inline float half_bits_to_float(uint16_t half) {
  const uint32_t sign = (half & 0x8000u) << 16, rest = half & 0x7fffu;
  if (rest >= 0x7c00u) return bits_to_float(sign | 0x7f800000u | (rest & 0x3ffu) << 13);
  if (rest >= 0x400u) return bits_to_float(sign | ((rest << 13) + 0x38000000u));
  const float tiny = static_cast<float>(rest) * 0x1p-24f;
  return sign ? -tiny : tiny;
}

// Rounds to nearest even, as the hardware instruction does.
inline uint16_t float_to_half_bits(float value) {
  const uint32_t bits = float_to_bits(value), sign = bits >> 16 & 0x8000u, rest = bits & 0x7fffffffu;
  if (rest > 0x7f800000u) return static_cast<uint16_t>(sign | 0x7e00u | (rest >> 13 & 0x3ffu));
  if (rest >= 0x477ff000u) return static_cast<uint16_t>(sign | 0x7c00u);
  if (rest < 0x38800000u) {  // subnormal: adding 2^-1 * 2^(24 - 23) aligns the mantissa
    const float shifted = bits_to_float(rest) + 0.5f;
    return static_cast<uint16_t>(sign | (float_to_bits(shifted) - 0x3f000000u));
  }
  return static_cast<uint16_t>(sign | (rest - 0x38000000u + 0xfffu + (rest >> 13 & 1)) >> 13);
}

inline uint16_t float_to_bf16_bits(float value) {
  const uint32_t bits = float_to_bits(value);
  if ((bits & 0x7fffffffu) > 0x7f800000u) return static_cast<uint16_t>(bits >> 16 | 0x40u);
  return static_cast<uint16_t>((bits + 0x7fffu + (bits >> 16 & 1)) >> 16);
}

inline float half_to_float(const void* p) { return half_bits_to_float(load_u16(p)); }

inline vec splat(float x) {
  vec r;
  DEADLIFT_LANES r.v[i] = x;
  return r;
}
inline vec zero() { return splat(0); }

inline vec load(const void* p) {
  vec r;
  memcpy(&r, p, sizeof r);
  return r;
}
inline vec load_part(const void* p, int n) {
  vec r = zero();
  memcpy(&r, p, static_cast<size_t>(n) * 4);
  return r;
}
inline void store(float* p, vec a) { memcpy(p, &a, sizeof a); }
inline void store_part(float* p, vec a, int n) { memcpy(p, &a, static_cast<size_t>(n) * 4); }

inline vec load_f16_part(const void* p, int n) {
  vec r = zero();
  for (int i = 0; i < n; ++i) r.v[i] = half_to_float(static_cast<const uint8_t*>(p) + 2 * i);
  return r;
}
inline vec load_f16(const void* p) { return load_f16_part(p, lanes); }

inline vec load_bf16_part(const void* p, int n) {
  vec r = zero();
  for (int i = 0; i < n; ++i) {
    r.v[i] = bits_to_float(static_cast<uint32_t>(load_u16(static_cast<const uint8_t*>(p) + 2 * i)) << 16);
  }
  return r;
}
inline vec load_bf16(const void* p) { return load_bf16_part(p, lanes); }

// F8_E4M3: an F16 without infinities whose exponent and mantissa are shorter by one bit and seven.
inline vec load_f8_part(const uint8_t* p, int n) {
  vec r = zero();
  for (int i = 0; i < n; ++i) {
    const int magnitude = p[i] & 127, half = (p[i] & 128) << 8 | (magnitude == 127 ? 0x7fff : magnitude << 7);
    r.v[i] = half_bits_to_float(static_cast<uint16_t>(half)) * 256;
  }
  return r;
}
inline vec load_f8(const uint8_t* p) { return load_f8_part(p, lanes); }

inline void store_f16_part(void* p, vec a, int n) {
  for (int i = 0; i < n; ++i) {
    const uint16_t half = float_to_half_bits(a.v[i]);
    memcpy(static_cast<uint8_t*>(p) + 2 * i, &half, 2);
  }
}
inline void store_bf16_part(void* p, vec a, int n) {
  for (int i = 0; i < n; ++i) {
    const uint16_t half = float_to_bf16_bits(a.v[i]);
    memcpy(static_cast<uint8_t*>(p) + 2 * i, &half, 2);
  }
}

inline vec load_i8(const int8_t* p) {
  vec r;
  DEADLIFT_LANES r.v[i] = static_cast<float>(p[i]);
  return r;
}

inline ints splat_int(int x) {
  ints r;
  DEADLIFT_LANES r.v[i] = x;
  return r;
}
// Bytes, widened without sign.
inline ints load_u8_part(const uint8_t* p, int n) {
  ints r = splat_int(0);
  for (int i = 0; i < n; ++i) r.v[i] = p[i];
  return r;
}
inline ints load_u8(const uint8_t* p) { return load_u8_part(p, lanes); }
// Lane i: bit i of `bits`, as 0 or 1.
inline ints lane_bits(uint32_t bits) {
  ints r;
  DEADLIFT_LANES r.v[i] = static_cast<int32_t>(bits >> i & 1);
  return r;
}
// Lane i: bits 2i and 2i + 1.
inline ints lane_pairs(uint32_t bits) {
  ints r;
  DEADLIFT_LANES r.v[i] = static_cast<int32_t>(bits >> 2 * i & 3);
  return r;
}
inline ints shift_left(ints a, int n) {
  DEADLIFT_LANES a.v[i] = static_cast<int32_t>(static_cast<uint32_t>(a.v[i]) << n);
  return a;
}
inline ints shift_right(ints a, int n) {  // fills with zeros
  DEADLIFT_LANES a.v[i] = static_cast<int32_t>(static_cast<uint32_t>(a.v[i]) >> n);
  return a;
}
inline ints bit_and(ints a, ints b) {
  DEADLIFT_LANES a.v[i] &= b.v[i];
  return a;
}
inline ints bit_or(ints a, ints b) {
  DEADLIFT_LANES a.v[i] |= b.v[i];
  return a;
}
// These wrap around, as the instructions do.
inline ints add(ints a, ints b) {
  DEADLIFT_LANES a.v[i] = static_cast<int32_t>(static_cast<uint32_t>(a.v[i]) + static_cast<uint32_t>(b.v[i]));
  return a;
}
inline ints sub(ints a, ints b) {
  DEADLIFT_LANES a.v[i] = static_cast<int32_t>(static_cast<uint32_t>(a.v[i]) - static_cast<uint32_t>(b.v[i]));
  return a;
}
inline ints mul(ints a, ints b) {
  DEADLIFT_LANES a.v[i] = static_cast<int32_t>(static_cast<uint32_t>(a.v[i]) * static_cast<uint32_t>(b.v[i]));
  return a;
}
inline vec to_float(ints a) {  // the same number
  vec r;
  DEADLIFT_LANES r.v[i] = static_cast<float>(a.v[i]);
  return r;
}
inline vec as_float(ints a) {  // the same bits
  vec r;
  memcpy(&r, &a, sizeof r);
  return r;
}

// Four-bit codes, looked up, under a scale.
struct nibbles {
  const Levels& levels;
  float d;
  nibbles(const Levels& means, float scale) : levels(means), d(scale) {}
  vec low(const uint8_t* p) const {
    vec r;
    DEADLIFT_LANES r.v[i] = levels.number[p[i] & 15] * d;
    return r;
  }
  vec high(const uint8_t* p) const {
    vec r;
    DEADLIFT_LANES r.v[i] = levels.number[p[i] >> 4] * d;
    return r;
  }
  // Of 16 codes in eight bytes, the low halves before the high ones: those from `first` on.
  vec of_eight(const uint8_t* p, int first) const { return first ? high(p) : low(p); }
};

// Sixteen bytes as numbers, the first eight times a, the others times b.
inline void scale_eights(float* out, const uint8_t* bytes, float a, float b) {
  for (int i = 0; i < 16; ++i) out[i] = static_cast<float>(bytes[i]) * (i < 8 ? a : b);
}

// Four-bit codes, as steps of `scale` from `least` on.
struct Ramp {
  float scale, least;
  Ramp(float a, float b) : scale(a), least(b) {}
  vec low(const uint8_t* p) const {
    vec r;
    DEADLIFT_LANES r.v[i] = static_cast<float>(p[i] & 15) * scale + least;
    return r;
  }
  vec high(const uint8_t* p) const {
    vec r;
    DEADLIFT_LANES r.v[i] = static_cast<float>(p[i] >> 4) * scale + least;
    return r;
  }
};

// Points of a grid one after another: all `lanes` of their signed bytes.
inline vec load_points(const uint64_t* grid, const uint16_t* points) {
  vec r;
  DEADLIFT_LANES r.v[i] = static_cast<float>(static_cast<int8_t>(grid[points[i / 8]] >> i % 8 * 8));
  return r;
}
inline vec load_points(const uint32_t* grid, const uint16_t* points) {
  vec r;
  DEADLIFT_LANES r.v[i] = static_cast<float>(static_cast<int8_t>(grid[points[i / 4]] >> i % 4 * 8));
  return r;
}

// Negates lane i where bit i of `bits` is set.
inline vec flip(vec a, uint32_t bits) {
  DEADLIFT_LANES a.v[i] = bits >> i & 1 ? -a.v[i] : a.v[i];
  return a;
}

#define DEADLIFT_BY_LANE(name, expression) \
  inline vec name(vec a, vec b) {          \
    vec r;                                 \
    DEADLIFT_LANES r.v[i] = expression;    \
    return r;                              \
  }
DEADLIFT_BY_LANE(add, a.v[i] + b.v[i])
DEADLIFT_BY_LANE(sub, a.v[i] - b.v[i])
DEADLIFT_BY_LANE(mul, a.v[i] * b.v[i])
DEADLIFT_BY_LANE(div, a.v[i] / b.v[i])
DEADLIFT_BY_LANE(max, a.v[i] > b.v[i] ? a.v[i] : b.v[i])  // b where one is NaN
DEADLIFT_BY_LANE(min, a.v[i] < b.v[i] ? a.v[i] : b.v[i])
#undef DEADLIFT_BY_LANE

// a * b + c. Two roundings here, one where the hardware has FMA; the same everywhere within one instruction set.
inline vec fma(vec a, vec b, vec c) { return add(mul(a, b), c); }

inline vec round(vec a) {
  vec r;
  DEADLIFT_LANES r.v[i] = rintf(a.v[i]);
  return r;
}

// Lanes of x where a < b, elsewhere (also where one is NaN) of y.
inline vec where_less(vec a, vec b, vec x, vec y) {
  DEADLIFT_LANES x.v[i] = a.v[i] < b.v[i] ? x.v[i] : y.v[i];
  return x;
}

// Whole numbers from 0 to 255, as bytes.
inline void store_u8(uint8_t* p, vec a) { DEADLIFT_LANES p[i] = static_cast<uint8_t>(a.v[i]); }

inline vec square_root(vec a) {
  DEADLIFT_LANES a.v[i] = sqrtf(a.v[i]);
  return a;
}

// Rounds to the nearest of 16 ascending levels; from the middle between two, and NaN, to the lower.
struct Rounding {
  float level[16], middle[15];
  explicit Rounding(const Levels& levels) {
    for (int code = 0; code < 16; ++code) level[code] = levels.number[code];
    for (int code = 0; code < 15; ++code) middle[code] = (level[code] + level[code + 1]) / 2;
  }
  vec levels(vec a) const {
    vec r = splat(level[0]);
    for (int code = 0; code < 15; ++code) r = where_less(splat(middle[code]), a, splat(level[code + 1]), r);
    return r;
  }
  ints codes(vec a) const {
    ints r = splat_int(0);
    for (int code = 0; code < 15; ++code) DEADLIFT_LANES r.v[i] += a.v[i] > middle[code];
    return r;
  }
};

// Bit i: whether lane i of a is at least that of b.
inline uint32_t at_least(vec a, vec b) {
  uint32_t bits = 0;
  DEADLIFT_LANES bits |= static_cast<uint32_t>(a.v[i] >= b.v[i]) << i;
  return bits;
}

// 2^a of whole numbers, -252 <= a <= 254, in two factors: x * pow2(a) becomes infinite or subnormal as it should.
inline vec scale2(vec x, vec a) {
  DEADLIFT_LANES {
    const int whole = static_cast<int>(a.v[i]), half = whole >> 1;
    x.v[i] = x.v[i] * bits_to_float(static_cast<uint32_t>(half + 127) << 23) *
             bits_to_float(static_cast<uint32_t>(whole - half + 127) << 23);
  }
  return x;
}

// Lanes [from, to) of a, -infinity elsewhere.
inline vec keep(vec a, int from, int to) {
  DEADLIFT_LANES a.v[i] = i >= from && i < to ? a.v[i] : -INFINITY;
  return a;
}

inline float sum(vec a) { return ((a.v[0] + a.v[4]) + (a.v[2] + a.v[6])) + ((a.v[1] + a.v[5]) + (a.v[3] + a.v[7])); }
inline void sum4(float* out, vec a, vec b, vec c, vec d) {
  out[0] = sum(a), out[1] = sum(b), out[2] = sum(c), out[3] = sum(d);
}
inline float largest(vec a) {
  float best = a.v[0];
  DEADLIFT_LANES best = a.v[i] > best ? a.v[i] : best;
  return best;
}
// Lane i of vector j becomes lane j of vector i.
inline void transpose(vec (&m)[lanes]) {
  for (int j = 1; j < lanes; ++j) {
    for (int i = 0; i < j; ++i) {
      const float value = m[j].v[i];
      m[j].v[i] = m[i].v[j], m[i].v[j] = value;
    }
  }
}
inline float square_root(float x) { return sqrtf(x); }

// Into the first cache, or into the second.
inline void prefetch(const void*) {}
inline void prefetch_far(const void*) {}

// Sums that do not wait for each other: as many as hide the latency of a multiply-add and stay in registers.
constexpr int peak_sums = 6;

// Reads n bytes (a multiple of 512) and returns something that depends on all of them.
inline uint64_t touch(const uint8_t* p, int64_t n) {
  uint64_t all = 0, word;
  for (int64_t i = 0; i < n; i += 8) memcpy(&word, p + i, 8), all ^= word;
  return all;
}

#undef DEADLIFT_LANES

}  // namespace
}  // namespace deadlift::DEADLIFT_ISA

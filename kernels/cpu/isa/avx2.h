// The SIMD words on AVX2 with FMA and F16C; meanings in scalar.h.

#pragma once

#include <immintrin.h>
#include <stdint.h>
#include <string.h>

#include "kernels/cpu/isa/values.h"

namespace deadlift::DEADLIFT_ISA {
namespace {

constexpr int lanes = 8;
constexpr int tile_tokens = 3;
constexpr int direct_tokens = 4;
constexpr int text_rows = 6, text_vectors = 2;
constexpr int query_tile = 6;
constexpr int score_tile_vectors = 2;
constexpr int mix_tile_vectors = 2;

using vec = __m256;
using ints = __m256i;

inline __m256i first_lanes(int n) {
  return _mm256_cmpgt_epi32(_mm256_set1_epi32(n), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}

// The first n of 8 two-byte values; reads no further.
inline __m128i load_u16_part(const void* p, int n) {
  uint16_t values[8] = {};
  memcpy(values, p, static_cast<size_t>(n) * 2);
  return _mm_loadu_si128(reinterpret_cast<const __m128i*>(values));
}

inline float half_to_float(const void* p) { return _cvtsh_ss(load_u16(p)); }

inline vec splat(float x) { return _mm256_set1_ps(x); }
inline vec zero() { return _mm256_setzero_ps(); }
inline vec load(const void* p) { return _mm256_loadu_ps(static_cast<const float*>(p)); }
inline vec load_part(const void* p, int n) { return _mm256_maskload_ps(static_cast<const float*>(p), first_lanes(n)); }
inline void store(float* p, vec a) { _mm256_storeu_ps(p, a); }
inline void store_part(float* p, vec a, int n) { _mm256_maskstore_ps(p, first_lanes(n), a); }

inline vec widen_bf16(__m128i a) { return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(a), 16)); }
inline vec load_f16(const void* p) { return _mm256_cvtph_ps(_mm_loadu_si128(static_cast<const __m128i*>(p))); }
inline vec load_f16_part(const void* p, int n) { return _mm256_cvtph_ps(load_u16_part(p, n)); }
inline vec load_bf16(const void* p) { return widen_bf16(_mm_loadu_si128(static_cast<const __m128i*>(p))); }
inline vec load_bf16_part(const void* p, int n) { return widen_bf16(load_u16_part(p, n)); }

inline vec widen_f8(__m128i bytes) {
  const __m128i wide = _mm_cvtepu8_epi16(bytes), magnitude = _mm_and_si128(wide, _mm_set1_epi16(127));
  const __m128i sign = _mm_slli_epi16(_mm_sub_epi16(wide, magnitude), 8);
  const __m128i is_nan = _mm_cmpeq_epi16(magnitude, _mm_set1_epi16(127));
  const __m128i half = _mm_or_si128(_mm_or_si128(sign, _mm_slli_epi16(magnitude, 7)), is_nan);
  return _mm256_mul_ps(_mm256_cvtph_ps(half), _mm256_set1_ps(256));
}
inline vec load_f8(const uint8_t* p) { return widen_f8(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(p))); }
inline vec load_f8_part(const uint8_t* p, int n) {
  uint8_t bytes[8] = {};
  memcpy(bytes, p, static_cast<size_t>(n));
  return load_f8(bytes);
}

inline void store_u16_part(void* p, __m128i a, int n) {
  uint16_t values[8];
  _mm_storeu_si128(reinterpret_cast<__m128i*>(values), a);
  memcpy(p, values, static_cast<size_t>(n) * 2);
}
inline void store_f16_part(void* p, vec a, int n) {
  store_u16_part(p, _mm256_cvtps_ph(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC), n);
}
inline void store_bf16_part(void* p, vec a, int n) {
  const __m256i bits = _mm256_castps_si256(a);
  const __m256i odd = _mm256_and_si256(_mm256_srli_epi32(bits, 16), _mm256_set1_epi32(1));
  const __m256i nearest = _mm256_add_epi32(bits, _mm256_add_epi32(odd, _mm256_set1_epi32(0x7fff)));
  const __m256i quiet = _mm256_or_si256(bits, _mm256_set1_epi32(0x400000));
  const __m256i is_nan = _mm256_castps_si256(_mm256_cmp_ps(a, a, _CMP_UNORD_Q));
  const __m256i high = _mm256_srli_epi32(_mm256_blendv_epi8(nearest, quiet, is_nan), 16);
  store_u16_part(p, _mm_packus_epi32(_mm256_castsi256_si128(high), _mm256_extracti128_si256(high, 1)), n);
}

inline vec load_i8(const int8_t* p) {
  return _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(p))));
}

inline ints splat_int(int x) { return _mm256_set1_epi32(x); }
inline ints load_u8(const uint8_t* p) {
  return _mm256_cvtepu8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(p)));
}
inline ints load_u8_part(const uint8_t* p, int n) {
  uint8_t bytes[8] = {};
  memcpy(bytes, p, static_cast<size_t>(n));
  return load_u8(bytes);
}
inline ints lane_bits(uint32_t bits) {
  const __m256i moved =
      _mm256_srlv_epi32(_mm256_set1_epi32(static_cast<int>(bits)), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
  return _mm256_and_si256(moved, _mm256_set1_epi32(1));
}
inline ints lane_pairs(uint32_t bits) {
  const __m256i moved =
      _mm256_srlv_epi32(_mm256_set1_epi32(static_cast<int>(bits)), _mm256_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14));
  return _mm256_and_si256(moved, _mm256_set1_epi32(3));
}
inline ints shift_left(ints a, int n) { return _mm256_sll_epi32(a, _mm_cvtsi32_si128(n)); }
inline ints shift_right(ints a, int n) { return _mm256_srl_epi32(a, _mm_cvtsi32_si128(n)); }
inline ints bit_and(ints a, ints b) { return _mm256_and_si256(a, b); }
inline ints bit_or(ints a, ints b) { return _mm256_or_si256(a, b); }
inline ints add(ints a, ints b) { return _mm256_add_epi32(a, b); }
inline ints sub(ints a, ints b) { return _mm256_sub_epi32(a, b); }
inline ints mul(ints a, ints b) { return _mm256_mullo_epi32(a, b); }
inline vec to_float(ints a) { return _mm256_cvtepi32_ps(a); }
inline vec as_float(ints a) { return _mm256_castsi256_ps(a); }

inline vec widen_i8(__m128i a) { return _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(a)); }

struct nibbles {
  __m128i table;
  vec d;
  nibbles(const Levels& levels, float scale)
      : table(_mm_load_si128(reinterpret_cast<const __m128i*>(levels.whole))), d(_mm256_set1_ps(scale)) {}
  vec scaled(__m128i codes) const {
    const __m128i low_halves = _mm_and_si128(codes, _mm_set1_epi8(15));
    return _mm256_mul_ps(widen_i8(_mm_shuffle_epi8(table, low_halves)), d);
  }
  static __m128i pairs(const uint8_t* p) { return _mm_loadl_epi64(reinterpret_cast<const __m128i*>(p)); }
  vec low(const uint8_t* p) const { return scaled(pairs(p)); }
  vec high(const uint8_t* p) const { return scaled(_mm_srli_epi16(pairs(p), 4)); }
  vec of_eight(const uint8_t* p, int first) const { return first ? high(p) : low(p); }
};

inline void scale_eights(float* out, const uint8_t* bytes, float a, float b) {
  _mm256_storeu_ps(out, _mm256_mul_ps(to_float(load_u8(bytes)), _mm256_set1_ps(a)));
  _mm256_storeu_ps(out + 8, _mm256_mul_ps(to_float(load_u8(bytes + 8)), _mm256_set1_ps(b)));
}

struct Ramp {
  vec scale, least;
  Ramp(float a, float b) : scale(_mm256_set1_ps(a)), least(_mm256_set1_ps(b)) {}
  vec steps(__m256i codes) const { return _mm256_fmadd_ps(_mm256_cvtepi32_ps(codes), scale, least); }
  vec low(const uint8_t* p) const { return steps(_mm256_and_si256(load_u8(p), _mm256_set1_epi32(15))); }
  vec high(const uint8_t* p) const { return steps(_mm256_srli_epi32(load_u8(p), 4)); }
};

inline vec load_points(const uint64_t* grid, const uint16_t* points) {
  return widen_i8(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(grid + points[0])));
}
inline vec load_points(const uint32_t* grid, const uint16_t* points) {
  return widen_i8(_mm_setr_epi32(static_cast<int>(grid[points[0]]), static_cast<int>(grid[points[1]]), 0, 0));
}

inline vec flip(vec a, uint32_t bits) {
  return _mm256_xor_ps(a, _mm256_castsi256_ps(_mm256_slli_epi32(lane_bits(bits), 31)));
}

inline vec add(vec a, vec b) { return _mm256_add_ps(a, b); }
inline vec sub(vec a, vec b) { return _mm256_sub_ps(a, b); }
inline vec mul(vec a, vec b) { return _mm256_mul_ps(a, b); }
inline vec div(vec a, vec b) { return _mm256_div_ps(a, b); }
inline vec max(vec a, vec b) { return _mm256_max_ps(a, b); }
inline vec min(vec a, vec b) { return _mm256_min_ps(a, b); }
inline vec fma(vec a, vec b, vec c) { return _mm256_fmadd_ps(a, b, c); }
inline vec round(vec a) { return _mm256_round_ps(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }

inline vec where_less(vec a, vec b, vec x, vec y) { return _mm256_blendv_ps(y, x, _mm256_cmp_ps(a, b, _CMP_LT_OQ)); }
inline void store_u8(uint8_t* p, vec a) {
  const __m256i whole = _mm256_cvtps_epi32(a);
  const __m128i words = _mm_packus_epi32(_mm256_castsi256_si128(whole), _mm256_extracti128_si256(whole, 1));
  _mm_storel_epi64(reinterpret_cast<__m128i*>(p), _mm_packus_epi16(words, words));
}

inline vec square_root(vec a) { return _mm256_sqrt_ps(a); }

// A search by halves: lane by lane, tables of middles and at last of levels are read where the search has come to.
struct Rounding {
  vec halves, quarters, eighths, sixteenths;  // middles
  vec even, odd;                              // levels
  explicit Rounding(const Levels& levels) {
    const auto l = [&](int code) { return levels.number[code]; };
    const auto m = [&](int code) { return (l(code) + l(code + 1)) / 2; };
    halves = _mm256_set1_ps(m(7));
    quarters = _mm256_setr_ps(m(3), m(11), 0, 0, m(3), m(11), 0, 0);
    eighths = _mm256_setr_ps(m(1), m(5), m(9), m(13), m(1), m(5), m(9), m(13));
    sixteenths = _mm256_setr_ps(m(0), m(2), m(4), m(6), m(8), m(10), m(12), m(14));
    even = _mm256_setr_ps(l(0), l(2), l(4), l(6), l(8), l(10), l(12), l(14));
    odd = _mm256_setr_ps(l(1), l(3), l(5), l(7), l(9), l(11), l(13), l(15));
  }
  struct Found {
    ints pair;   // of levels
    vec is_odd;  // all ones
  };
  static ints next(ints at, vec above) {
    return _mm256_sub_epi32(_mm256_add_epi32(at, at), _mm256_castps_si256(above));
  }
  Found find(vec a) const {
    ints at = _mm256_srli_epi32(_mm256_castps_si256(_mm256_cmp_ps(a, halves, _CMP_GT_OQ)), 31);
    at = next(at, _mm256_cmp_ps(a, _mm256_permutevar_ps(quarters, at), _CMP_GT_OQ));
    at = next(at, _mm256_cmp_ps(a, _mm256_permutevar_ps(eighths, at), _CMP_GT_OQ));
    return {at, _mm256_cmp_ps(a, _mm256_permutevar8x32_ps(sixteenths, at), _CMP_GT_OQ)};
  }
  vec levels(vec a) const {
    const auto [pair, is_odd] = find(a);
    return _mm256_blendv_ps(_mm256_permutevar8x32_ps(even, pair), _mm256_permutevar8x32_ps(odd, pair), is_odd);
  }
  ints codes(vec a) const {
    const auto [pair, is_odd] = find(a);
    return next(pair, is_odd);
  }
};

inline uint32_t at_least(vec a, vec b) {
  return static_cast<uint32_t>(_mm256_movemask_ps(_mm256_cmp_ps(a, b, _CMP_GE_OQ)));
}

inline vec scale2(vec x, vec a) {
  const __m256i whole = _mm256_cvtps_epi32(a), half = _mm256_srai_epi32(whole, 1), bias = _mm256_set1_epi32(127);
  const __m256i first = _mm256_slli_epi32(_mm256_add_epi32(half, bias), 23);
  const __m256i second = _mm256_slli_epi32(_mm256_add_epi32(_mm256_sub_epi32(whole, half), bias), 23);
  return _mm256_mul_ps(_mm256_mul_ps(x, _mm256_castsi256_ps(first)), _mm256_castsi256_ps(second));
}

inline vec keep(vec a, int from, int to) {
  const __m256i lanes_kept = _mm256_andnot_si256(first_lanes(from), first_lanes(to));
  return _mm256_blendv_ps(_mm256_set1_ps(-__builtin_inff()), a, _mm256_castsi256_ps(lanes_kept));
}

inline __m128 halves(vec a) { return _mm_add_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1)); }
inline void sum4(float* out, vec a, vec b, vec c, vec d) {
  __m128 x = halves(a), y = halves(b), z = halves(c), w = halves(d);
  _MM_TRANSPOSE4_PS(x, y, z, w);
  _mm_storeu_ps(out, _mm_add_ps(_mm_add_ps(x, z), _mm_add_ps(y, w)));
}
inline float sum(vec a) {
  float out[4];
  sum4(out, a, a, a, a);
  return out[0];
}
inline float largest(vec a) {
  __m128 x = _mm_max_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
  x = _mm_max_ps(x, _mm_movehl_ps(x, x));
  return _mm_cvtss_f32(_mm_max_ss(x, _mm_movehdup_ps(x)));
}
inline void transpose(vec (&m)[lanes]) {
  __m256 pairs[8], fours[8];
#pragma GCC unroll 4
  for (int i = 0; i < 8; i += 2) {
    pairs[i] = _mm256_unpacklo_ps(m[i], m[i + 1]), pairs[i + 1] = _mm256_unpackhi_ps(m[i], m[i + 1]);
  }
#pragma GCC unroll 2
  for (int i = 0; i < 8; i += 4) {
    fours[i] = _mm256_shuffle_ps(pairs[i], pairs[i + 2], 0x44);
    fours[i + 1] = _mm256_shuffle_ps(pairs[i], pairs[i + 2], 0xee);
    fours[i + 2] = _mm256_shuffle_ps(pairs[i + 1], pairs[i + 3], 0x44);
    fours[i + 3] = _mm256_shuffle_ps(pairs[i + 1], pairs[i + 3], 0xee);
  }
#pragma GCC unroll 4
  for (int c = 0; c < 4; ++c) {
    m[c] = _mm256_permute2f128_ps(fours[c], fours[4 + c], 0x20);
    m[4 + c] = _mm256_permute2f128_ps(fours[c], fours[4 + c], 0x31);
  }
}
inline float square_root(float x) { return _mm_cvtss_f32(_mm_sqrt_ss(_mm_set_ss(x))); }

// Into the first cache, or into the second.
inline void prefetch(const void* p) { _mm_prefetch(static_cast<const char*>(p), _MM_HINT_T0); }
inline void prefetch_far(const void* p) { _mm_prefetch(static_cast<const char*>(p), _MM_HINT_T1); }

constexpr int peak_sums = 12;

inline uint64_t touch(const uint8_t* p, int64_t n) {
  __m256i all[8] = {};
  for (int64_t i = 0; i < n; i += 256) {
#pragma GCC unroll 8
    for (int j = 0; j < 8; ++j) {
      all[j] = _mm256_xor_si256(all[j], _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p + i + 32 * j)));
    }
  }
  for (int j = 1; j < 8; ++j) all[0] = _mm256_xor_si256(all[0], all[j]);
  return static_cast<uint64_t>(_mm256_extract_epi64(all[0], 0) ^ _mm256_extract_epi64(all[0], 3));
}

}  // namespace
}  // namespace deadlift::DEADLIFT_ISA

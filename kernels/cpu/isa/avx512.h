// The SIMD words on AVX-512 (F, BW, DQ, VL, VNNI); meanings in scalar.h.

#pragma once

#include <immintrin.h>
#include <stdint.h>
#include <string.h>

#include "kernels/cpu/isa/values.h"

namespace deadlift::DEADLIFT_ISA {
namespace {

constexpr int lanes = 16;
constexpr int tile_tokens = 6;
constexpr int direct_tokens = 3 * tile_tokens;
constexpr int text_rows = 8, text_vectors = 3;
constexpr int query_tile = 8;
constexpr int score_tile_vectors = 2;
constexpr int mix_tile_vectors = 2;

using vec = __m512;
using ints = __m512i;

inline __mmask16 first_lanes(int n) { return static_cast<__mmask16>((1u << n) - 1); }

inline float half_to_float(const void* p) { return _cvtsh_ss(load_u16(p)); }

inline vec splat(float x) { return _mm512_set1_ps(x); }
inline vec zero() { return _mm512_setzero_ps(); }
inline vec load(const void* p) { return _mm512_loadu_ps(p); }
inline vec load_part(const void* p, int n) { return _mm512_maskz_loadu_ps(first_lanes(n), p); }
inline void store(float* p, vec a) { _mm512_storeu_ps(p, a); }
inline void store_part(float* p, vec a, int n) { _mm512_mask_storeu_ps(p, first_lanes(n), a); }

inline vec widen_bf16(__m256i a) { return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(a), 16)); }
inline vec load_f16(const void* p) { return _mm512_cvtph_ps(_mm256_loadu_si256(static_cast<const __m256i*>(p))); }
inline vec load_f16_part(const void* p, int n) { return _mm512_cvtph_ps(_mm256_maskz_loadu_epi16(first_lanes(n), p)); }
inline vec load_bf16(const void* p) { return widen_bf16(_mm256_loadu_si256(static_cast<const __m256i*>(p))); }
inline vec load_bf16_part(const void* p, int n) { return widen_bf16(_mm256_maskz_loadu_epi16(first_lanes(n), p)); }

inline vec widen_f8(__m128i bytes) {
  const __m256i wide = _mm256_cvtepu8_epi16(bytes), magnitude = _mm256_and_si256(wide, _mm256_set1_epi16(127));
  const __m256i sign = _mm256_slli_epi16(_mm256_sub_epi16(wide, magnitude), 8);
  const __m256i is_nan = _mm256_cmpeq_epi16(magnitude, _mm256_set1_epi16(127));
  const __m256i half = _mm256_or_si256(_mm256_or_si256(sign, _mm256_slli_epi16(magnitude, 7)), is_nan);
  return _mm512_mul_ps(_mm512_cvtph_ps(half), _mm512_set1_ps(256));
}
inline vec load_f8(const uint8_t* p) { return widen_f8(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p))); }
inline vec load_f8_part(const uint8_t* p, int n) { return widen_f8(_mm_maskz_loadu_epi8(first_lanes(n), p)); }

inline void store_f16_part(void* p, vec a, int n) {
  _mm256_mask_storeu_epi16(p, first_lanes(n), _mm512_cvtps_ph(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC));
}
inline void store_bf16_part(void* p, vec a, int n) {
  const __m512i bits = _mm512_castps_si512(a);
  const __m512i odd = _mm512_and_si512(_mm512_srli_epi32(bits, 16), _mm512_set1_epi32(1));
  const __m512i nearest = _mm512_add_epi32(bits, _mm512_add_epi32(odd, _mm512_set1_epi32(0x7fff)));
  const __mmask16 is_nan = _mm512_cmp_ps_mask(a, a, _CMP_UNORD_Q);
  const __m512i rounded = _mm512_mask_or_epi32(nearest, is_nan, bits, _mm512_set1_epi32(0x400000));
  _mm256_mask_storeu_epi16(p, first_lanes(n), _mm512_cvtepi32_epi16(_mm512_srli_epi32(rounded, 16)));
}

inline vec load_i8(const int8_t* p) {
  return _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p))));
}

inline ints splat_int(int x) { return _mm512_set1_epi32(x); }
inline ints load_u8(const uint8_t* p) {
  return _mm512_cvtepu8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
}
inline ints load_u8_part(const uint8_t* p, int n) {
  return _mm512_cvtepu8_epi32(_mm_maskz_loadu_epi8(first_lanes(n), p));
}
inline ints lane_bits(uint32_t bits) { return _mm512_maskz_set1_epi32(static_cast<__mmask16>(bits), 1); }
inline ints lane_pairs(uint32_t bits) {
  const __m512i moved = _mm512_srlv_epi32(_mm512_set1_epi32(static_cast<int>(bits)),
                                          _mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30));
  return _mm512_and_si512(moved, _mm512_set1_epi32(3));
}
inline ints shift_left(ints a, int n) { return _mm512_sll_epi32(a, _mm_cvtsi32_si128(n)); }
inline ints shift_right(ints a, int n) { return _mm512_srl_epi32(a, _mm_cvtsi32_si128(n)); }
inline ints bit_and(ints a, ints b) { return _mm512_and_si512(a, b); }
inline ints bit_or(ints a, ints b) { return _mm512_or_si512(a, b); }
inline ints add(ints a, ints b) { return _mm512_add_epi32(a, b); }
inline ints sub(ints a, ints b) { return _mm512_sub_epi32(a, b); }
inline ints mul(ints a, ints b) { return _mm512_mullo_epi32(a, b); }
inline vec to_float(ints a) { return _mm512_cvtepi32_ps(a); }
inline vec as_float(ints a) { return _mm512_castsi512_ps(a); }

// The 16 values are looked up: the permutation reads only the low four bits of each index.
struct nibbles {
  vec table;
  nibbles(const Levels& levels, float d) : table(_mm512_mul_ps(_mm512_load_ps(levels.number), _mm512_set1_ps(d))) {}
  static __m512i codes(const uint8_t* p) {
    return _mm512_cvtepu8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
  }
  vec low(const uint8_t* p) const { return _mm512_permutexvar_ps(codes(p), table); }
  vec high(const uint8_t* p) const { return _mm512_permutexvar_ps(_mm512_srli_epi32(codes(p), 4), table); }
  vec of_eight(const uint8_t* p, int) const {
    const __m128i pairs = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(p));
    const __m128i codes = _mm_unpacklo_epi64(pairs, _mm_srli_epi16(pairs, 4));
    return _mm512_permutexvar_ps(_mm512_cvtepu8_epi32(codes), table);
  }
};

inline void scale_eights(float* out, const uint8_t* bytes, float a, float b) {
  const __m512 factors = _mm512_mask_blend_ps(0xff00, _mm512_set1_ps(a), _mm512_set1_ps(b));
  _mm512_storeu_ps(out, _mm512_mul_ps(to_float(load_u8(bytes)), factors));
}

struct Ramp {
  vec table;
  Ramp(float scale, float least)
      : table(_mm512_fmadd_ps(_mm512_setr_ps(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15),
                              _mm512_set1_ps(scale), _mm512_set1_ps(least))) {}
  vec low(const uint8_t* p) const { return _mm512_permutexvar_ps(load_u8(p), table); }
  vec high(const uint8_t* p) const { return _mm512_permutexvar_ps(_mm512_srli_epi32(load_u8(p), 4), table); }
};

inline vec widen_i8(__m128i a) { return _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(a)); }
inline vec load_points(const uint64_t* grid, const uint16_t* points) {
  return widen_i8(_mm_set_epi64x(static_cast<int64_t>(grid[points[1]]), static_cast<int64_t>(grid[points[0]])));
}
inline vec load_points(const uint32_t* grid, const uint16_t* points) {
  const auto at = [&](int i) { return static_cast<int>(grid[points[i]]); };
  return widen_i8(_mm_setr_epi32(at(0), at(1), at(2), at(3)));
}

inline vec flip(vec a, uint32_t bits) {
  return _mm512_mask_xor_ps(a, static_cast<__mmask16>(bits), a, _mm512_set1_ps(-0.0f));
}

inline vec add(vec a, vec b) { return _mm512_add_ps(a, b); }
inline vec sub(vec a, vec b) { return _mm512_sub_ps(a, b); }
inline vec mul(vec a, vec b) { return _mm512_mul_ps(a, b); }
inline vec div(vec a, vec b) { return _mm512_div_ps(a, b); }
inline vec max(vec a, vec b) { return _mm512_max_ps(a, b); }
inline vec min(vec a, vec b) { return _mm512_min_ps(a, b); }
inline vec fma(vec a, vec b, vec c) { return _mm512_fmadd_ps(a, b, c); }
inline vec round(vec a) { return _mm512_roundscale_ps(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }
inline vec where_less(vec a, vec b, vec x, vec y) {
  return _mm512_mask_blend_ps(_mm512_cmp_ps_mask(a, b, _CMP_LT_OQ), y, x);
}
inline void store_u8(uint8_t* p, vec a) {
  _mm_storeu_si128(reinterpret_cast<__m128i*>(p), _mm512_cvtepi32_epi8(_mm512_cvtps_epi32(a)));
}
inline vec square_root(vec a) { return _mm512_sqrt_ps(a); }

// A search by halves: the middle above each code that it has come to is looked up.
struct Rounding {
  vec level, middle;
  explicit Rounding(const Levels& levels) : level(_mm512_load_ps(levels.number)) {
    const __m512 next = _mm512_castsi512_ps(_mm512_alignr_epi32(_mm512_setzero_si512(), _mm512_castps_si512(level), 1));
    middle = _mm512_mul_ps(_mm512_add_ps(level, next), _mm512_set1_ps(0.5f));
  }
  ints codes(vec a) const {
    ints at = _mm512_setzero_si512();
#pragma GCC unroll 4
    for (int step = 8; step > 0; step /= 2) {
      const __m512i last = _mm512_add_epi32(at, _mm512_set1_epi32(step - 1));
      const __mmask16 above = _mm512_cmp_ps_mask(a, _mm512_permutexvar_ps(last, middle), _CMP_GT_OQ);
      at = _mm512_mask_add_epi32(at, above, at, _mm512_set1_epi32(step));
    }
    return at;
  }
  vec levels(vec a) const { return _mm512_permutexvar_ps(codes(a), level); }
};

inline uint32_t at_least(vec a, vec b) { return _mm512_cmp_ps_mask(a, b, _CMP_GE_OQ); }

inline vec scale2(vec x, vec a) { return _mm512_scalef_ps(x, a); }

inline vec keep(vec a, int from, int to) {
  const auto kept = static_cast<__mmask16>(first_lanes(to) & ~first_lanes(from));
  return _mm512_mask_blend_ps(kept, _mm512_set1_ps(-__builtin_inff()), a);
}

inline __m128 quarters(vec a) {
  const __m256 half = _mm256_add_ps(_mm512_castps512_ps256(a), _mm512_extractf32x8_ps(a, 1));
  return _mm_add_ps(_mm256_castps256_ps128(half), _mm256_extractf128_ps(half, 1));
}
inline void sum4(float* out, vec a, vec b, vec c, vec d) {
  __m128 x = quarters(a), y = quarters(b), z = quarters(c), w = quarters(d);
  _MM_TRANSPOSE4_PS(x, y, z, w);
  _mm_storeu_ps(out, _mm_add_ps(_mm_add_ps(x, z), _mm_add_ps(y, w)));
}
inline float sum(vec a) {
  float out[4];
  sum4(out, a, a, a, a);
  return out[0];
}
inline float largest(vec a) {
  const __m256 half = _mm256_max_ps(_mm512_castps512_ps256(a), _mm512_extractf32x8_ps(a, 1));
  __m128 x = _mm_max_ps(_mm256_castps256_ps128(half), _mm256_extractf128_ps(half, 1));
  x = _mm_max_ps(x, _mm_movehl_ps(x, x));
  return _mm_cvtss_f32(_mm_max_ss(x, _mm_movehdup_ps(x)));
}
inline void transpose(vec (&m)[lanes]) {
  __m512d pairs[16], fours[16];
#pragma GCC unroll 8
  for (int i = 0; i < 16; i += 2) {
    pairs[i] = _mm512_castps_pd(_mm512_unpacklo_ps(m[i], m[i + 1]));
    pairs[i + 1] = _mm512_castps_pd(_mm512_unpackhi_ps(m[i], m[i + 1]));
  }
#pragma GCC unroll 4
  for (int i = 0; i < 16; i += 4) {
    fours[i] = _mm512_unpacklo_pd(pairs[i], pairs[i + 2]);
    fours[i + 1] = _mm512_unpackhi_pd(pairs[i], pairs[i + 2]);
    fours[i + 2] = _mm512_unpacklo_pd(pairs[i + 1], pairs[i + 3]);
    fours[i + 3] = _mm512_unpackhi_pd(pairs[i + 1], pairs[i + 3]);
  }
  // Quarter q of fours[4 * i + c] is column 4 * q + c of four rows.
#pragma GCC unroll 4
  for (int c = 0; c < 4; ++c) {
    const __m512d even = _mm512_shuffle_f64x2(fours[c], fours[4 + c], 0x88);
    const __m512d odd = _mm512_shuffle_f64x2(fours[c], fours[4 + c], 0xdd);
    const __m512d even_below = _mm512_shuffle_f64x2(fours[8 + c], fours[12 + c], 0x88);
    const __m512d odd_below = _mm512_shuffle_f64x2(fours[8 + c], fours[12 + c], 0xdd);
    m[c] = _mm512_castpd_ps(_mm512_shuffle_f64x2(even, even_below, 0x88));
    m[4 + c] = _mm512_castpd_ps(_mm512_shuffle_f64x2(odd, odd_below, 0x88));
    m[8 + c] = _mm512_castpd_ps(_mm512_shuffle_f64x2(even, even_below, 0xdd));
    m[12 + c] = _mm512_castpd_ps(_mm512_shuffle_f64x2(odd, odd_below, 0xdd));
  }
}
inline float square_root(float x) { return _mm_cvtss_f32(_mm_sqrt_ss(_mm_set_ss(x))); }

// Into the first cache, or into the second.
inline void prefetch(const void* p) { _mm_prefetch(static_cast<const char*>(p), _MM_HINT_T0); }
inline void prefetch_far(const void* p) { _mm_prefetch(static_cast<const char*>(p), _MM_HINT_T1); }

constexpr int peak_sums = 12;

inline uint64_t touch(const uint8_t* p, int64_t n) {
  __m512i all[8] = {};
  for (int64_t i = 0; i < n; i += 512) {
#pragma GCC unroll 8
    for (int j = 0; j < 8; ++j) all[j] = _mm512_xor_si512(all[j], _mm512_loadu_si512(p + i + 64 * j));
  }
  for (int j = 1; j < 8; ++j) all[0] = _mm512_xor_si512(all[0], all[j]);
  uint64_t words[8];
  _mm512_storeu_si512(words, all[0]);
  return words[0] ^ words[3] ^ words[7];
}

}  // namespace
}  // namespace deadlift::DEADLIFT_ISA

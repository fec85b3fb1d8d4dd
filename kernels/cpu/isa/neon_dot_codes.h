// The words for codes that multiply, on NEON with dot products (FEAT_DotProd); meanings in scalar_codes.h.
//
// sdot multiplies signed bytes: numbers come in two parts, and codes less 128. What those 128 take from a sum is added
// to it in whole numbers, so that it stays the one that the other instruction sets get.

#pragma once

#include "kernels/cpu/isa/neon_octets.h"

namespace deadlift::DEADLIFT_ISA {
namespace {

// Four columns of a row in each lane, column by column.
constexpr int dot_columns = 4, dot_planes = 2, fast_planes = 2, dot_plane_bits = 8;
constexpr int codes_tokens = 6, dot_unroll = 2;

inline void store_codes(uint8_t* out, const octets (&rows)[8]) {
#pragma GCC unroll 4
  for (int i = 0; i < 4; ++i) {  // rows 0 to 3 and 4 to 7 of 16 columns
    const int first = i % 2 * 4;
    const auto words = [&](int row) {
      const uint8x16_t codes = i < 2 ? rows[first + row].low : rows[first + row].high;
      return vreinterpretq_u32_u8(veorq_u8(codes, vdupq_n_u8(128)));
    };
    const uint32x4_t from[4] = {words(0), words(1), words(2), words(3)};
    uint32x4_t columns[4];
    transpose(from, columns);
#pragma GCC unroll 4
    for (int c = 0; c < 4; ++c) {
      vst1q_u8(out + (i / 2 * 4 + c) * 32 + i % 2 * 16, vreinterpretq_u8_u32(columns[c]));
    }
  }
}

// Four numbers.
inline int8x8_t splat_word(const uint8_t* p) { return vcreate_s8(load_u32(p)); }
inline ints dot(ints sums, ints codes, int8x8_t x) {
  return {vdotq_lane_s32(sums.low, vreinterpretq_s8_s32(codes.low), x, 0),
          vdotq_lane_s32(sums.high, vreinterpretq_s8_s32(codes.high), x, 0)};
}

// facts[part]: the sum of the numbers times their scale. That is below 2^20 and neither rounding moves it by more than
// 2^-24 of itself, so that the quotient rounds to it; where the scale is 0 or not finite, NaN gives 0.
inline ints whole_dots(ints dots, const float* facts, int part) {
  const int32x4_t sum = vcvtnq_s32_f32(vdupq_n_f32(facts[part] / facts[0])), missing = vshlq_n_s32(sum, 7);
  return {vaddq_s32(dots.low, missing), vaddq_s32(dots.high, missing)};
}

// Four sums over four columns each.
inline int32x4_t dot_sixteen(int8x16_t codes, int8x16_t upper, int8x16_t lower) {
  return vdotq_s32(vshlq_n_s32(vdotq_s32(vdupq_n_s32(0), codes, upper), dot_plane_bits), codes, lower);
}
// Of 32 columns of each row, the sums over codes * n of the first 16 and of the others.
template <int planes>
inline void dot_rows(const octets (&rows)[8], const uint8_t* x, ints& first, ints& last) {
  const auto sums = [&](int half) {
    const int8x16_t upper = vreinterpretq_s8_u8(vld1q_u8(x + 16 * half));
    const int8x16_t lower = vreinterpretq_s8_u8(vld1q_u8(x + 32 + 16 * half));
    int32x4_t of[8];
#pragma GCC unroll 8
    for (int i = 0; i < 8; ++i) {
      const uint8x16_t codes = half ? rows[i].high : rows[i].low;
      of[i] = dot_sixteen(vreinterpretq_s8_u8(veorq_u8(codes, vdupq_n_u8(128))), upper, lower);
    }
    const int32x4_t missing = dot_sixteen(vdupq_n_s8(-128), upper, lower);
    const int32x4_t all = sums_of(missing, missing, missing, missing);
    return ints{vsubq_s32(sums_of(of[0], of[1], of[2], of[3]), all),
                vsubq_s32(sums_of(of[4], of[5], of[6], of[7]), all)};
  };
  first = sums(0), last = sums(1);
}

// 32 upper parts, then 32 lower ones.
template <int planes>
inline void pack_codes(const float* x, uint8_t* out, float* facts) {
  const Numbers numbers(x);
#pragma GCC unroll 4
  for (int i = 0; i < 4; ++i) {
    vst1_u8(out + 8 * i, vreinterpret_u8_s8(vrshrn_n_s16(numbers.n[i], dot_plane_bits)));
    vst1_u8(out + 32 + 8 * i, vreinterpret_u8_s8(vmovn_s16(numbers.n[i])));
  }
  numbers.store_facts(facts);
}

}  // namespace
}  // namespace deadlift::DEADLIFT_ISA

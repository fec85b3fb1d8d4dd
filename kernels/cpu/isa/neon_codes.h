// The words for codes that multiply, on NEON as every AArch64 has it; meanings in scalar_codes.h.

#pragma once

#include "kernels/cpu/isa/neon_octets.h"

namespace deadlift::DEADLIFT_ISA {
namespace {

// A vector has two columns after another, of eight rows with 16 bits each: every product takes a number from a lane.
constexpr int dot_columns = 2, dot_planes = 1, fast_planes = 1, dot_plane_bits = 0;
constexpr int codes_tokens = 4, dot_unroll = 2;

// Sixteen columns of the rows.
inline void store_sixteen(uint8_t* out, const uint8x16_t (&rows)[8]) {
  uint8x16_t pairs[8], fours[8];  // of rows, column by column: the first ones, the last ones
#pragma GCC unroll 4
  for (int i = 0; i < 4; ++i) {
    pairs[i] = vzip1q_u8(rows[i], rows[i + 4]), pairs[i + 4] = vzip2q_u8(rows[i], rows[i + 4]);
  }
#pragma GCC unroll 4
  for (int i = 0; i < 4; ++i) {
    const uint8x16_t a = pairs[i / 2 * 4 + i % 2], b = pairs[i / 2 * 4 + i % 2 + 2];
    fours[i / 2 * 4 + i % 2] = vzip1q_u8(a, b), fours[i / 2 * 4 + i % 2 + 2] = vzip2q_u8(a, b);
  }
#pragma GCC unroll 4
  for (int i = 0; i < 4; ++i, out += 64) {
    const uint8x16_t first = vzip1q_u8(fours[2 * i], fours[2 * i + 1]);
    const uint8x16_t last = vzip2q_u8(fours[2 * i], fours[2 * i + 1]);
    const uint16x8_t columns[4] = {vmovl_u8(vget_low_u8(first)), vmovl_high_u8(first), vmovl_u8(vget_low_u8(last)),
                                   vmovl_high_u8(last)};
#pragma GCC unroll 4
    for (int c = 0; c < 4; ++c) vst1q_u8(out + 16 * c, vreinterpretq_u8_u16(columns[c]));
  }
}
inline void store_codes(uint8_t* out, const octets (&rows)[8]) {
  const uint8x16_t low[8] = {rows[0].low, rows[1].low, rows[2].low, rows[3].low,
                             rows[4].low, rows[5].low, rows[6].low, rows[7].low};
  const uint8x16_t high[8] = {rows[0].high, rows[1].high, rows[2].high, rows[3].high,
                              rows[4].high, rows[5].high, rows[6].high, rows[7].high};
  store_sixteen(out, low), store_sixteen(out + 256, high);
}

// Two numbers.
inline int16x4_t splat_word(const uint8_t* p) { return vcreate_s16(load_u32(p)); }
inline ints dot(ints sums, ints codes, int16x4_t x) {
  const int16x8_t first = vreinterpretq_s16_s32(codes.low), last = vreinterpretq_s16_s32(codes.high);
  sums.low = vmlal_lane_s16(sums.low, vget_low_s16(first), x, 0);
  sums.high = vmlal_high_lane_s16(sums.high, first, x, 0);
  sums.low = vmlal_lane_s16(sums.low, vget_low_s16(last), x, 1);
  sums.high = vmlal_high_lane_s16(sums.high, last, x, 1);
  return sums;
}

inline ints whole_dots(ints dots, const float*, int) { return dots; }

// Four sums over four columns each.
inline int32x4_t dot_sixteen(uint8x16_t codes, int16x8_t first, int16x8_t last) {
  const int16x8_t a = vreinterpretq_s16_u16(vmovl_u8(vget_low_u8(codes)));
  const int16x8_t b = vreinterpretq_s16_u16(vmovl_high_u8(codes));
  const int32x4_t eight = vmlal_high_s16(vmull_s16(vget_low_s16(a), vget_low_s16(first)), a, first);
  return vmlal_high_s16(vmlal_s16(eight, vget_low_s16(b), vget_low_s16(last)), b, last);
}
// Of 32 columns of each row, the sums over codes * n of the first 16 and of the others.
template <int planes>
inline void dot_rows(const octets (&rows)[8], const uint8_t* x, ints& first, ints& last) {
  int16x8_t n[4];
  int32x4_t firsts[8], lasts[8];
#pragma GCC unroll 4
  for (int i = 0; i < 4; ++i) n[i] = vreinterpretq_s16_u8(vld1q_u8(x + 16 * i));
#pragma GCC unroll 8
  for (int i = 0; i < 8; ++i) {
    firsts[i] = dot_sixteen(rows[i].low, n[0], n[1]), lasts[i] = dot_sixteen(rows[i].high, n[2], n[3]);
  }
  first = {sums_of(firsts[0], firsts[1], firsts[2], firsts[3]), sums_of(firsts[4], firsts[5], firsts[6], firsts[7])};
  last = {sums_of(lasts[0], lasts[1], lasts[2], lasts[3]), sums_of(lasts[4], lasts[5], lasts[6], lasts[7])};
}

template <int planes>
inline void pack_codes(const float* x, uint8_t* out, float* facts) {
  const Numbers numbers(x);
#pragma GCC unroll 4
  for (int i = 0; i < 4; ++i) vst1q_u8(out + 16 * i, vreinterpretq_u8_s16(numbers.n[i]));
  numbers.store_facts(facts);
}

}  // namespace
}  // namespace deadlift::DEADLIFT_ISA

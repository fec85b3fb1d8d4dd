// The words for codes that do not multiply, on NEON; meanings in scalar_codes.h.

#pragma once

#include "kernels/cpu/isa/neon.h"

namespace deadlift::DEADLIFT_ISA {
namespace {

// Codes: 32 of one row.
constexpr int octet_rows = 1;
struct octets {
  uint8x16_t low, high;
};
constexpr int octet_row(int vector) { return vector; }

inline octets load_octets(const Strip& rows, int i, int offset) {
  const uint8_t* const from = rows.row(i) + offset;
  return {vld1q_u8(from), vld1q_u8(from + 16)};
}
inline octets load_nibbles(const Strip& rows, int i, int offset) {
  const uint8x16_t pairs = vld1q_u8(rows.row(i) + offset);
  return {vandq_u8(pairs, vdupq_n_u8(15)), vshrq_n_u8(pairs, 4)};
}
inline octets load_bits(const Strip& rows, int i, int offset, int value) {
  constexpr uint8x16_t bit = {1, 2, 4, 8, 16, 32, 64, 128, 1, 2, 4, 8, 16, 32, 64, 128};
  const uint8_t* const from = rows.row(i) + offset;
  const auto sixteen = [&](int byte) {
    const uint8x16_t bytes = vcombine_u8(vld1_dup_u8(from + byte), vld1_dup_u8(from + byte + 1));
    return vandq_u8(vtstq_u8(bytes, bit), vdupq_n_u8(static_cast<uint8_t>(value)));
  };
  return {sixteen(0), sixteen(2)};
}
inline octets pick(octets a, int shift, int mask) {
  const uint8x16_t by = vdupq_n_u8(static_cast<uint8_t>(shift)), kept = vdupq_n_u8(static_cast<uint8_t>(mask));
  return {a.low >> by & kept, a.high >> by & kept};
}
inline octets raise(octets a, int shift) {
  const uint8x16_t by = vdupq_n_u8(static_cast<uint8_t>(shift));
  return {a.low << by, a.high << by};
}
inline octets join(octets a, octets b) { return {vorrq_u8(a.low, b.low), vorrq_u8(a.high, b.high)}; }
inline octets add128(octets a) { return {veorq_u8(a.low, vdupq_n_u8(128)), veorq_u8(a.high, vdupq_n_u8(128))}; }
inline octets look_up(const Levels& levels, octets codes) {
  const uint8x16_t table = vreinterpretq_u8_s8(vld1q_s8(levels.whole));
  return {vqtbl1q_u8(table, codes.low), vqtbl1q_u8(table, codes.high)};
}

// Four words of each of four rows become four rows of each word.
inline void transpose(const uint32x4_t (&rows)[4], uint32x4_t (&out)[4]) {
  const auto upper = [](uint32x4_t a, uint32x4_t b) {
    return vreinterpretq_u32_u64(vzip1q_u64(vreinterpretq_u64_u32(a), vreinterpretq_u64_u32(b)));
  };
  const auto lower = [](uint32x4_t a, uint32x4_t b) {
    return vreinterpretq_u32_u64(vzip2q_u64(vreinterpretq_u64_u32(a), vreinterpretq_u64_u32(b)));
  };
  const uint32x4_t a = vtrn1q_u32(rows[0], rows[1]), b = vtrn2q_u32(rows[0], rows[1]);
  const uint32x4_t c = vtrn1q_u32(rows[2], rows[3]), d = vtrn2q_u32(rows[2], rows[3]);
  out[0] = upper(a, c), out[1] = upper(b, d), out[2] = lower(a, c), out[3] = lower(b, d);
}

// The word at `at` of each row; the four from there on.
inline ints row_words(const Strip& strip, int64_t at) {
  uint32_t words[lanes];
#pragma GCC unroll 8
  for (int i = 0; i < lanes; ++i) words[i] = load_u32(strip.row(i) + at);
  return {ints_of(vld1q_u32(words)), ints_of(vld1q_u32(words + 4))};
}
inline void row_words(const Strip& strip, int64_t at, ints (&out)[4]) {
  uint32x4_t rows[4], words[4];
#pragma GCC unroll 2
  for (int first = 0; first < lanes; first += 4) {
#pragma GCC unroll 4
    for (int i = 0; i < 4; ++i) rows[i] = vreinterpretq_u32_u8(vld1q_u8(strip.row(first + i) + at));
    transpose(rows, words);
#pragma GCC unroll 4
    for (int i = 0; i < 4; ++i) (first ? out[i].high : out[i].low) = ints_of(words[i]);
  }
}
inline vec low_halves(ints a) { return widen_f16(vcombine_u16(vmovn_u32(bits_of(a.low)), vmovn_u32(bits_of(a.high)))); }

inline ints load_ints(const uint8_t* p) {
  return {vreinterpretq_s32_u8(vld1q_u8(p)), vreinterpretq_s32_u8(vld1q_u8(p + 16))};
}

// The lanes of each of four added up.
inline int32x4_t sums_of(int32x4_t a, int32x4_t b, int32x4_t c, int32x4_t d) {
  return vpaddq_s32(vpaddq_s32(a, b), vpaddq_s32(c, d));
}

// 32 activations as the numbers of their scale, eight by eight.
struct Numbers {
  int16x8_t n[4];
  CodeScale scale;
  explicit Numbers(const float* x) : scale(most(x), 127 * 256 + 127) {
#pragma GCC unroll 4
    for (int i = 0; i < 4; ++i) {
      const vec scaled = mul(load(x + 8 * i), splat(scale.inverse));
      n[i] = vcombine_s16(vqmovn_s32(vcvtnq_s32_f32(scaled.low)), vqmovn_s32(vcvtnq_s32_f32(scaled.high)));
    }
  }
  // Bits of magnitudes are ordered as they are.
  static float most(const float* x) {
    uint32x4_t all = vdupq_n_u32(0);
#pragma GCC unroll 8
    for (int i = 0; i < 32; i += 4) all = vmaxq_u32(all, bits_of(vabsq_f32(vld1q_f32(x + i))));
    return bits_to_float(vmaxvq_u32(all));
  }
  void store_facts(float* facts) const { scale.store(facts, sum(n[0], n[1]), sum(n[2], n[3])); }
  static int sum(int16x8_t a, int16x8_t b) { return vaddvq_s32(vpadalq_s16(vpaddlq_s16(a), b)); }
};

}  // namespace
}  // namespace deadlift::DEADLIFT_ISA

// The SIMD words on NEON (AArch64); meanings in scalar.h.
//
// A `vec` is two registers. Points of the grids have eight values, which one register would cut in halves; and with the
// lanes of AVX2, added in its order, the same model has the same bits on both. There are 32 registers: in `linear` they
// hold the sums of two tokens (16), four rows of weights (8) and a token (2), in `attend` the sums of six queries (24).

#pragma once

#include <arm_neon.h>
#include <stdint.h>
#include <string.h>

#include "kernels/cpu/isa/values.h"

namespace deadlift::DEADLIFT_ISA {
namespace {

constexpr int lanes = 8;
constexpr int tile_tokens = 2;
constexpr int direct_tokens = 4;
constexpr int text_rows = 6, text_vectors = 2;
constexpr int query_tile = 6;
constexpr int score_tile_vectors = 2;
constexpr int mix_tile_vectors = 2;

struct vec {
  float32x4_t low, high;
};
struct ints {
  int32x4_t low, high;
};

inline uint32x4_t bits_of(int32x4_t a) { return vreinterpretq_u32_s32(a); }
inline uint32x4_t bits_of(float32x4_t a) { return vreinterpretq_u32_f32(a); }
inline int32x4_t ints_of(uint32x4_t a) { return vreinterpretq_s32_u32(a); }
inline float32x4_t floats_of(uint32x4_t a) { return vreinterpretq_f32_u32(a); }

inline float half_to_float(const void* p) {
  __fp16 half;
  memcpy(&half, p, 2);
  return half;
}

inline vec splat(float x) { return {vdupq_n_f32(x), vdupq_n_f32(x)}; }
inline vec zero() { return splat(0); }
inline vec load(const void* p) {
  const float* const from = static_cast<const float*>(p);
  return {vld1q_f32(from), vld1q_f32(from + 4)};
}
inline vec load_part(const void* p, int n) {
  if (n == lanes) return load(p);
  float values[lanes] = {};
  memcpy(values, p, static_cast<size_t>(n) * 4);
  return load(values);
}
inline void store(float* p, vec a) { vst1q_f32(p, a.low), vst1q_f32(p + 4, a.high); }
inline void store_part(float* p, vec a, int n) {
  if (n == lanes) return store(p, a);
  float values[lanes];
  store(values, a);
  memcpy(p, values, static_cast<size_t>(n) * 4);
}

// Eight two-byte values; the first n of them, and no further.
inline uint16x8_t load_u16s(const void* p) { return vreinterpretq_u16_u8(vld1q_u8(static_cast<const uint8_t*>(p))); }
inline uint16x8_t load_u16s(const void* p, int n) {
  if (n == lanes) return load_u16s(p);
  uint16_t values[lanes] = {};
  memcpy(values, p, static_cast<size_t>(n) * 2);
  return vld1q_u16(values);
}
inline void store_u16s(void* p, uint16x8_t a, int n) {
  if (n == lanes) return vst1q_u8(static_cast<uint8_t*>(p), vreinterpretq_u8_u16(a));
  uint16_t values[lanes];
  vst1q_u16(values, a);
  memcpy(p, values, static_cast<size_t>(n) * 2);
}
inline uint8x8_t load_bytes(const uint8_t* p, int n) {
  uint8_t bytes[lanes] = {};
  memcpy(bytes, p, static_cast<size_t>(n));
  return vld1_u8(bytes);
}

inline vec widen_f16(uint16x8_t a) {
  const float16x8_t halves = vreinterpretq_f16_u16(a);
  return {vcvt_f32_f16(vget_low_f16(halves)), vcvt_f32_f16(vget_high_f16(halves))};
}
inline vec load_f16(const void* p) { return widen_f16(load_u16s(p)); }
inline vec load_f16_part(const void* p, int n) { return widen_f16(load_u16s(p, n)); }

inline vec widen_bf16(uint16x8_t a) {
  return {floats_of(vshll_n_u16(vget_low_u16(a), 16)), floats_of(vshll_high_n_u16(a, 16))};
}
inline vec load_bf16(const void* p) { return widen_bf16(load_u16s(p)); }
inline vec load_bf16_part(const void* p, int n) { return widen_bf16(load_u16s(p, n)); }

inline vec widen_f8(uint8x8_t bytes) {
  const uint16x8_t wide = vmovl_u8(bytes), magnitude = vandq_u16(wide, vdupq_n_u16(127));
  const uint16x8_t sign = vshlq_n_u16(vsubq_u16(wide, magnitude), 8);
  const uint16x8_t is_nan = vceqq_u16(magnitude, vdupq_n_u16(127));
  const vec small = widen_f16(vorrq_u16(vorrq_u16(sign, vshlq_n_u16(magnitude, 7)), is_nan));
  return {vmulq_n_f32(small.low, 256), vmulq_n_f32(small.high, 256)};
}
inline vec load_f8(const uint8_t* p) { return widen_f8(vld1_u8(p)); }
inline vec load_f8_part(const uint8_t* p, int n) { return widen_f8(load_bytes(p, n)); }

inline void store_f16_part(void* p, vec a, int n) {
  const float16x8_t halves = vcombine_f16(vcvt_f16_f32(a.low), vcvt_f16_f32(a.high));
  store_u16s(p, vreinterpretq_u16_f16(halves), n);
}
inline uint16x4_t nearest_bf16(float32x4_t a) {
  const uint32x4_t bits = bits_of(a), odd = vandq_u32(vshrq_n_u32(bits, 16), vdupq_n_u32(1));
  const uint32x4_t nearest = vaddq_u32(bits, vaddq_u32(odd, vdupq_n_u32(0x7fff)));
  const uint32x4_t quiet = vorrq_u32(bits, vdupq_n_u32(0x400000));
  return vshrn_n_u32(vbslq_u32(vceqq_f32(a, a), nearest, quiet), 16);
}
inline void store_bf16_part(void* p, vec a, int n) {
  store_u16s(p, vcombine_u16(nearest_bf16(a.low), nearest_bf16(a.high)), n);
}

inline ints widen_u8(uint8x8_t a) {
  const uint16x8_t wide = vmovl_u8(a);
  return {ints_of(vmovl_u16(vget_low_u16(wide))), ints_of(vmovl_high_u16(wide))};
}
inline vec widen_i8(int8x8_t a) {
  const int16x8_t wide = vmovl_s8(a);
  return {vcvtq_f32_s32(vmovl_s16(vget_low_s16(wide))), vcvtq_f32_s32(vmovl_high_s16(wide))};
}
inline vec load_i8(const int8_t* p) { return widen_i8(vld1_s8(p)); }

inline ints splat_int(int x) { return {vdupq_n_s32(x), vdupq_n_s32(x)}; }
inline ints load_u8(const uint8_t* p) { return widen_u8(vld1_u8(p)); }
inline ints load_u8_part(const uint8_t* p, int n) { return widen_u8(load_bytes(p, n)); }
// Right by n bits where that is not negative, else left.
inline uint32x4_t shifted(uint32_t bits, int32x4_t n) { return vshlq_u32(vdupq_n_u32(bits), vnegq_s32(n)); }
inline ints lane_bits(uint32_t bits) {
  constexpr int32x4_t low = {0, 1, 2, 3}, high = {4, 5, 6, 7};
  const uint32x4_t one = vdupq_n_u32(1);
  return {ints_of(vandq_u32(shifted(bits, low), one)), ints_of(vandq_u32(shifted(bits, high), one))};
}
inline ints lane_pairs(uint32_t bits) {
  constexpr int32x4_t low = {0, 2, 4, 6}, high = {8, 10, 12, 14};
  const uint32x4_t three = vdupq_n_u32(3);
  return {ints_of(vandq_u32(shifted(bits, low), three)), ints_of(vandq_u32(shifted(bits, high), three))};
}
// Operators, not intrinsics: those that take a number that is no literal would not be folded.
inline ints shift_left(ints a, int n) { return {ints_of(bits_of(a.low) << n), ints_of(bits_of(a.high) << n)}; }
inline ints shift_right(ints a, int n) { return {ints_of(bits_of(a.low) >> n), ints_of(bits_of(a.high) >> n)}; }
inline ints bit_and(ints a, ints b) { return {vandq_s32(a.low, b.low), vandq_s32(a.high, b.high)}; }
inline ints bit_or(ints a, ints b) { return {vorrq_s32(a.low, b.low), vorrq_s32(a.high, b.high)}; }
inline ints add(ints a, ints b) { return {vaddq_s32(a.low, b.low), vaddq_s32(a.high, b.high)}; }
inline ints sub(ints a, ints b) { return {vsubq_s32(a.low, b.low), vsubq_s32(a.high, b.high)}; }
inline ints mul(ints a, ints b) { return {vmulq_s32(a.low, b.low), vmulq_s32(a.high, b.high)}; }
inline vec to_float(ints a) { return {vcvtq_f32_s32(a.low), vcvtq_f32_s32(a.high)}; }
inline vec as_float(ints a) { return {vreinterpretq_f32_s32(a.low), vreinterpretq_f32_s32(a.high)}; }

inline vec add(vec a, vec b) { return {vaddq_f32(a.low, b.low), vaddq_f32(a.high, b.high)}; }
inline vec sub(vec a, vec b) { return {vsubq_f32(a.low, b.low), vsubq_f32(a.high, b.high)}; }
inline vec mul(vec a, vec b) { return {vmulq_f32(a.low, b.low), vmulq_f32(a.high, b.high)}; }
inline vec div(vec a, vec b) { return {vdivq_f32(a.low, b.low), vdivq_f32(a.high, b.high)}; }
// Not the instructions of that name, which give NaN where one of both is.
inline float32x4_t max(float32x4_t a, float32x4_t b) { return vbslq_f32(vcgtq_f32(a, b), a, b); }
inline float32x4_t min(float32x4_t a, float32x4_t b) { return vbslq_f32(vcltq_f32(a, b), a, b); }
inline vec max(vec a, vec b) { return {max(a.low, b.low), max(a.high, b.high)}; }
inline vec min(vec a, vec b) { return {min(a.low, b.low), min(a.high, b.high)}; }
inline vec fma(vec a, vec b, vec c) { return {vfmaq_f32(c.low, a.low, b.low), vfmaq_f32(c.high, a.high, b.high)}; }
inline vec round(vec a) { return {vrndnq_f32(a.low), vrndnq_f32(a.high)}; }

inline vec where_less(vec a, vec b, vec x, vec y) {
  return {vbslq_f32(vcltq_f32(a.low, b.low), x.low, y.low), vbslq_f32(vcltq_f32(a.high, b.high), x.high, y.high)};
}
inline void store_u8(uint8_t* p, vec a) {
  const uint16x4_t low = vqmovn_u32(vcvtnq_u32_f32(a.low));
  vst1_u8(p, vqmovn_u16(vqmovn_high_u32(low, vcvtnq_u32_f32(a.high))));
}

inline vec square_root(vec a) { return {vsqrtq_f32(a.low), vsqrtq_f32(a.high)}; }

struct nibbles {
  int8x16_t table;
  vec d;
  nibbles(const Levels& levels, float scale) : table(vld1q_s8(levels.whole)), d(splat(scale)) {}
  vec scaled(uint8x8_t codes) const { return mul(widen_i8(vqtbl1_s8(table, codes)), d); }
  vec low(const uint8_t* p) const { return scaled(vand_u8(vld1_u8(p), vdup_n_u8(15))); }
  vec high(const uint8_t* p) const { return scaled(vshr_n_u8(vld1_u8(p), 4)); }
  vec of_eight(const uint8_t* p, int first) const { return first ? high(p) : low(p); }
};

inline void scale_eights(float* out, const uint8_t* bytes, float a, float b) {
  store(out, mul(to_float(load_u8(bytes)), splat(a)));
  store(out + 8, mul(to_float(load_u8(bytes + 8)), splat(b)));
}

struct Ramp {
  vec scale, least;
  Ramp(float a, float b) : scale(splat(a)), least(splat(b)) {}
  vec steps(uint8x8_t codes) const { return fma(to_float(widen_u8(codes)), scale, least); }
  vec low(const uint8_t* p) const { return steps(vand_u8(vld1_u8(p), vdup_n_u8(15))); }
  vec high(const uint8_t* p) const { return steps(vshr_n_u8(vld1_u8(p), 4)); }
};

inline vec load_points(const uint64_t* grid, const uint16_t* points) { return widen_i8(vcreate_s8(grid[points[0]])); }
inline vec load_points(const uint32_t* grid, const uint16_t* points) {
  return widen_i8(vcreate_s8(uint64_t{grid[points[1]]} << 32 | grid[points[0]]));
}

inline vec flip(vec a, uint32_t bits) {
  const ints signs = shift_left(lane_bits(bits), 31);
  return {floats_of(veorq_u32(bits_of(a.low), bits_of(signs.low))),
          floats_of(veorq_u32(bits_of(a.high), bits_of(signs.high)))};
}

// All middles are compared with: a search would have to make byte indices of every step.
struct Rounding {
  int8x16_t table;
  float middle[15];
  explicit Rounding(const Levels& levels) : table(vld1q_s8(levels.whole)) {
    for (int code = 0; code < 15; ++code) middle[code] = (levels.number[code] + levels.number[code + 1]) / 2;
  }
  ints codes(vec a) const {
    ints at = splat_int(0);
    for (const float one : middle) {  // true is -1
      at.low = vsubq_s32(at.low, ints_of(vcgtq_f32(a.low, vdupq_n_f32(one))));
      at.high = vsubq_s32(at.high, ints_of(vcgtq_f32(a.high, vdupq_n_f32(one))));
    }
    return at;
  }
  vec levels(vec a) const {
    const ints at = codes(a);
    const int16x8_t both = vcombine_s16(vmovn_s32(at.low), vmovn_s32(at.high));
    return widen_i8(vqtbl1_s8(table, vreinterpret_u8_s8(vmovn_s16(both))));
  }
};

inline uint32_t at_least(vec a, vec b) {
  constexpr uint32x4_t low = {1, 2, 4, 8}, high = {16, 32, 64, 128};
  return vaddvq_u32(vorrq_u32(vandq_u32(vcgeq_f32(a.low, b.low), low), vandq_u32(vcgeq_f32(a.high, b.high), high)));
}

inline float32x4_t scale2(float32x4_t x, float32x4_t a) {
  const int32x4_t whole = vcvtnq_s32_f32(a), half = vshrq_n_s32(whole, 1), bias = vdupq_n_s32(127);
  const int32x4_t first = vshlq_n_s32(vaddq_s32(half, bias), 23);
  const int32x4_t second = vshlq_n_s32(vaddq_s32(vsubq_s32(whole, half), bias), 23);
  return vmulq_f32(vmulq_f32(x, vreinterpretq_f32_s32(first)), vreinterpretq_f32_s32(second));
}
inline vec scale2(vec x, vec a) { return {scale2(x.low, a.low), scale2(x.high, a.high)}; }

inline vec keep(vec a, int from, int to) {
  constexpr int32x4_t low = {0, 1, 2, 3}, high = {4, 5, 6, 7};
  const auto kept = [&](float32x4_t values, int32x4_t lane) {
    const uint32x4_t inside = vandq_u32(vcgeq_s32(lane, vdupq_n_s32(from)), vcltq_s32(lane, vdupq_n_s32(to)));
    return vbslq_f32(inside, values, vdupq_n_f32(-__builtin_inff()));
  };
  return {kept(a.low, low), kept(a.high, high)};
}

inline float32x4_t halves(vec a) { return vaddq_f32(a.low, a.high); }
// The first two lanes of a + the last two, then those of b.
inline float32x4_t pairs(float32x4_t a, float32x4_t b) {
  return vaddq_f32(vcombine_f32(vget_low_f32(a), vget_low_f32(b)), vcombine_f32(vget_high_f32(a), vget_high_f32(b)));
}
inline void sum4(float* out, vec a, vec b, vec c, vec d) {
  vst1q_f32(out, vpaddq_f32(pairs(halves(a), halves(b)), pairs(halves(c), halves(d))));
}
inline float sum(vec a) {
  const float32x4_t four = halves(a);
  return vpadds_f32(vadd_f32(vget_low_f32(four), vget_high_f32(four)));
}
inline float largest(vec a) {
  const float32x4_t four = max(a.low, a.high), two = max(four, vextq_f32(four, four, 2));
  return vgetq_lane_f32(max(two, vextq_f32(two, two, 1)), 0);
}
inline void transpose4(float32x4_t& a, float32x4_t& b, float32x4_t& c, float32x4_t& d) {
  const float32x4x2_t upper = vzipq_f32(a, c), lower = vzipq_f32(b, d);
  const float32x4x2_t first = vzipq_f32(upper.val[0], lower.val[0]), last = vzipq_f32(upper.val[1], lower.val[1]);
  a = first.val[0], b = first.val[1], c = last.val[0], d = last.val[1];
}
inline void transpose(vec (&m)[lanes]) {
#pragma GCC unroll 2
  for (int i = 0; i < 8; i += 4) {
    transpose4(m[i].low, m[i + 1].low, m[i + 2].low, m[i + 3].low);
    transpose4(m[i].high, m[i + 1].high, m[i + 2].high, m[i + 3].high);
  }
#pragma GCC unroll 4
  for (int i = 0; i < 4; ++i) {
    const float32x4_t high = m[i].high;
    m[i].high = m[4 + i].low, m[4 + i].low = high;
  }
}
inline float square_root(float x) { return vget_lane_f32(vsqrt_f32(vdup_n_f32(x)), 0); }

// Into the first cache, or into the second.
inline void prefetch(const void* p) { __builtin_prefetch(p, 0, 3); }
inline void prefetch_far(const void* p) { __builtin_prefetch(p, 0, 2); }

constexpr int peak_sums = 12;

inline uint64_t touch(const uint8_t* p, int64_t n) {
  uint8x16_t all[8] = {};
  for (int64_t i = 0; i < n; i += 128) {
#pragma GCC unroll 8
    for (int j = 0; j < 8; ++j) all[j] = veorq_u8(all[j], vld1q_u8(p + i + 16 * j));
  }
  for (int j = 1; j < 8; ++j) all[0] = veorq_u8(all[0], all[j]);
  const uint64x2_t words = vreinterpretq_u64_u8(all[0]);
  return vgetq_lane_u64(words, 0) ^ vgetq_lane_u64(words, 1);
}

}  // namespace
}  // namespace deadlift::DEADLIFT_ISA

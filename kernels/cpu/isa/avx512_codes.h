// The words for codes on AVX-512 with VNNI; meanings in scalar_codes.h.

#include "kernels/cpu/isa/avx512.h"

namespace deadlift::DEADLIFT_ISA {
namespace {

// Codes: 32 of row i beside 32 of row i + 4, for i of 0 to 3 and 8 to 11.
constexpr int octet_rows = 2;
using octets = __m512i;
constexpr int octet_row(int vector) { return vector + (vector & 4); }

inline octets load_octets(const Strip& rows, int i, int offset) {
  const auto codes = [&](int row) {
    return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(rows.row(row) + offset));
  };
  return _mm512_inserti64x4(_mm512_castsi256_si512(codes(i)), codes(i + 4), 1);
}
inline octets load_nibbles(const Strip& rows, int i, int offset) {
  const auto pairs = [&](int row) { return _mm_loadu_si128(reinterpret_cast<const __m128i*>(rows.row(row) + offset)); };
  const __m512i both = _mm512_mask_broadcast_i32x4(_mm512_broadcast_i32x4(pairs(i)), 0xff00, pairs(i + 4));
  const __m512i high = _mm512_set4_epi64(0x0004000400040004, 0x0004000400040004, 0, 0);
  return _mm512_and_si512(_mm512_srlv_epi16(both, high), _mm512_set1_epi8(15));
}
inline octets load_bits(const Strip& rows, int i, int offset, int value) {
  const uint64_t bits = uint64_t{load_u32(rows.row(i + 4) + offset)} << 32 | load_u32(rows.row(i) + offset);
  return _mm512_maskz_set1_epi8(bits, static_cast<char>(value));
}
inline octets pick(octets a, int shift, int mask) {
  return _mm512_and_si512(_mm512_srl_epi16(a, _mm_cvtsi32_si128(shift)), _mm512_set1_epi8(static_cast<char>(mask)));
}
inline octets raise(octets a, int shift) { return _mm512_sll_epi16(a, _mm_cvtsi32_si128(shift)); }
inline octets join(octets a, octets b) { return _mm512_or_si512(a, b); }
inline octets add128(octets a) { return _mm512_xor_si512(a, _mm512_set1_epi8(-128)); }
inline octets look_up(const Levels& levels, octets codes) {
  const __m128i table = _mm_load_si128(reinterpret_cast<const __m128i*>(levels.whole));
  return _mm512_shuffle_epi8(_mm512_broadcast_i32x4(table), codes);
}

// Four columns of a row in each lane, column by column.
constexpr int dot_columns = 4, dot_planes = 2, fast_planes = 1, dot_plane_bits = 8;
constexpr int codes_tokens = 6, dot_unroll = 16;

// Four columns of rows: a holds 0 to 7, b 8 to 15, each twice.
inline void store_fours(uint8_t* out, int column, __m512i a, __m512i b) {
  _mm512_storeu_si512(out + 64 * column, _mm512_shuffle_i64x2(a, b, 0x88));
  _mm512_storeu_si512(out + 64 * (column + 4), _mm512_shuffle_i64x2(a, b, 0xdd));
}
inline void store_codes(uint8_t* out, const octets (&rows)[8]) {
  __m512i pairs[8];
#pragma GCC unroll 4
  for (int i = 0; i < 8; i += 2) {
    pairs[i] = _mm512_unpacklo_epi32(rows[i], rows[i + 1]);
    pairs[i + 1] = _mm512_unpackhi_epi32(rows[i], rows[i + 1]);
  }
#pragma GCC unroll 2
  for (int i = 0; i < 2; ++i) {
    store_fours(out, 2 * i, _mm512_unpacklo_epi64(pairs[i], pairs[i + 2]),
                _mm512_unpacklo_epi64(pairs[i + 4], pairs[i + 6]));
    store_fours(out, 2 * i + 1, _mm512_unpackhi_epi64(pairs[i], pairs[i + 2]),
                _mm512_unpackhi_epi64(pairs[i + 4], pairs[i + 6]));
  }
}

// The word at `at` of each row; the four from there on.
inline ints row_words(const Strip& strip, int64_t at) {
  const auto four = [&](int i) {
    const auto word = [&](int row) { return static_cast<int>(load_u32(strip.row(i + row) + at)); };
    return _mm_setr_epi32(word(0), word(1), word(2), word(3));
  };
  const __m256i low = _mm256_inserti128_si256(_mm256_castsi128_si256(four(0)), four(4), 1);
  const __m256i high = _mm256_inserti128_si256(_mm256_castsi128_si256(four(8)), four(12), 1);
  return _mm512_inserti64x4(_mm512_castsi256_si512(low), high, 1);
}
inline void row_words(const Strip& strip, int64_t at, ints (&out)[4]) {
  const auto load = [&](int row) { return _mm_loadu_si128(reinterpret_cast<const __m128i*>(strip.row(row) + at)); };
  __m512i rows[4];
#pragma GCC unroll 4
  for (int i = 0; i < 4; ++i) {
    rows[i] = _mm512_broadcast_i32x4(load(i));
    rows[i] = _mm512_mask_broadcast_i32x4(rows[i], 0x00f0, load(4 + i));
    rows[i] = _mm512_mask_broadcast_i32x4(rows[i], 0x0f00, load(8 + i));
    rows[i] = _mm512_mask_broadcast_i32x4(rows[i], 0xf000, load(12 + i));
  }
  const __m512i a = _mm512_unpacklo_epi32(rows[0], rows[1]), b = _mm512_unpackhi_epi32(rows[0], rows[1]);
  const __m512i c = _mm512_unpacklo_epi32(rows[2], rows[3]), d = _mm512_unpackhi_epi32(rows[2], rows[3]);
  out[0] = _mm512_unpacklo_epi64(a, c), out[1] = _mm512_unpackhi_epi64(a, c);
  out[2] = _mm512_unpacklo_epi64(b, d), out[3] = _mm512_unpackhi_epi64(b, d);
}
inline vec low_halves(ints a) { return _mm512_cvtph_ps(_mm512_cvtepi32_epi16(a)); }

inline ints load_ints(const uint8_t* p) { return _mm512_loadu_si512(p); }
inline ints splat_word(const uint8_t* p) { return _mm512_set1_epi32(static_cast<int>(load_u32(p))); }
inline ints dot(ints sums, ints codes, ints x) { return _mm512_dpbusd_epi32(sums, codes, x); }

inline ints whole_dots(ints dots, const float*, int) { return dots; }

// Of 32 columns of each row, the sums over codes * n of the first 16 and of the others.
template <int planes>
inline void dot_rows(const octets (&rows)[8], const uint8_t* x, ints& first, ints& last) {
  const auto numbers = [&](int plane) {
    return _mm512_broadcast_i64x4(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(x) + plane));
  };
  const __m512i upper = numbers(0), lower = numbers(planes - 1);
  __m512i fours[8], eights[4], all[2];  // sums over so many columns, of two, four and eight rows
#pragma GCC unroll 8
  for (int i = 0; i < 8; ++i) {
    fours[i] = _mm512_dpbusd_epi32(_mm512_setzero_si512(), rows[i], upper);
    if constexpr (planes == 2) {
      fours[i] = _mm512_dpbusd_epi32(_mm512_slli_epi32(fours[i], dot_plane_bits), rows[i], lower);
    }
  }
#pragma GCC unroll 4
  for (int i = 0; i < 4; ++i) {
    eights[i] = _mm512_add_epi32(_mm512_unpacklo_epi32(fours[2 * i], fours[2 * i + 1]),
                                 _mm512_unpackhi_epi32(fours[2 * i], fours[2 * i + 1]));
  }
#pragma GCC unroll 2
  for (int i = 0; i < 2; ++i) {
    all[i] = _mm512_add_epi32(_mm512_unpacklo_epi64(eights[2 * i], eights[2 * i + 1]),
                              _mm512_unpackhi_epi64(eights[2 * i], eights[2 * i + 1]));
  }
  first = _mm512_shuffle_i64x2(all[0], all[1], 0x88), last = _mm512_shuffle_i64x2(all[0], all[1], 0xdd);
}

// 32 upper parts, then 32 lower ones; or only the upper.
template <int planes>
inline void pack_codes(const float* x, uint8_t* out, float* facts) {
  const __m512 a = _mm512_loadu_ps(x), b = _mm512_loadu_ps(x + 16);
  const __m512i bits = _mm512_set1_epi32(0x7fffffff);
  const int most = _mm512_reduce_max_epi32(
      _mm512_max_epi32(_mm512_and_si512(_mm512_castps_si512(a), bits), _mm512_and_si512(_mm512_castps_si512(b), bits)));
  const CodeScale scale(bits_to_float(static_cast<uint32_t>(most)), planes == 2 ? 127 * 256 + 127 : 127);
  __m128i upper[2], lower[2];
#pragma GCC unroll 2
  for (int i = 0; i < 2; ++i) {
    const __m512i n = _mm512_cvtps_epi32(_mm512_mul_ps(i ? b : a, _mm512_set1_ps(scale.inverse)));
    __m512i high = n;
    if constexpr (planes == 2) {
      high = _mm512_srai_epi32(_mm512_add_epi32(n, _mm512_set1_epi32(128)), dot_plane_bits);
      lower[i] = _mm512_cvtepi32_epi8(_mm512_sub_epi32(n, _mm512_slli_epi32(high, dot_plane_bits)));
    }
    upper[i] = _mm512_cvtepi32_epi8(high);
  }
  // Sums by fours, then those of the first 16 and of the others.
  const auto put = [&](const __m128i(&halves)[2], int plane) {
    const __m256i part = _mm256_inserti128_si256(_mm256_castsi128_si256(halves[0]), halves[1], 1);
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(out) + plane, part);
    return _mm256_dpbusd_epi32(_mm256_setzero_si256(), _mm256_set1_epi8(1), part);
  };
  __m256i fours = put(upper, 0);
  if constexpr (planes == 2) fours = _mm256_add_epi32(_mm256_slli_epi32(fours, dot_plane_bits), put(lower, 1));
  fours = _mm256_add_epi32(fours, _mm256_shuffle_epi32(fours, 0x4e));
  fours = _mm256_add_epi32(fours, _mm256_shuffle_epi32(fours, 0xb1));
  scale.store(facts, _mm256_extract_epi32(fours, 0), _mm256_extract_epi32(fours, 4));
}

}  // namespace
}  // namespace deadlift::DEADLIFT_ISA

// The words for codes on AVX2; meanings in scalar_codes.h.

#include "kernels/cpu/isa/avx2.h"

namespace deadlift::DEADLIFT_ISA {
namespace {

// Codes: 32 of one row.
constexpr int octet_rows = 1;
using octets = __m256i;
constexpr int octet_row(int vector) { return vector; }

inline octets load_octets(const Strip& rows, int i, int offset) {
  return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(rows.row(i) + offset));
}
inline octets load_nibbles(const Strip& rows, int i, int offset) {
  const __m128i pairs = _mm_loadu_si128(reinterpret_cast<const __m128i*>(rows.row(i) + offset));
  const __m256i both = _mm256_inserti128_si256(_mm256_castsi128_si256(pairs), _mm_srli_epi16(pairs, 4), 1);
  return _mm256_and_si256(both, _mm256_set1_epi8(15));
}
inline octets load_bits(const Strip& rows, int i, int offset, int value) {
  const __m256i all = _mm256_set1_epi32(static_cast<int>(load_u32(rows.row(i) + offset)));
  const __m256i bytes =
      _mm256_shuffle_epi8(all, _mm256_setr_epi64x(0, 0x0101010101010101, 0x0202020202020202, 0x0303030303030303));
  const __m256i bit = _mm256_set1_epi64x(static_cast<int64_t>(0x8040201008040201));
  const __m256i set = _mm256_cmpeq_epi8(_mm256_and_si256(bytes, bit), bit);
  return _mm256_and_si256(set, _mm256_set1_epi8(static_cast<char>(value)));
}
inline octets pick(octets a, int shift, int mask) {
  return _mm256_and_si256(_mm256_srl_epi16(a, _mm_cvtsi32_si128(shift)), _mm256_set1_epi8(static_cast<char>(mask)));
}
inline octets raise(octets a, int shift) { return _mm256_sll_epi16(a, _mm_cvtsi32_si128(shift)); }
inline octets join(octets a, octets b) { return _mm256_or_si256(a, b); }
inline octets add128(octets a) { return _mm256_xor_si256(a, _mm256_set1_epi8(-128)); }
inline octets look_up(const Levels& levels, octets codes) {
  const __m128i table = _mm_load_si128(reinterpret_cast<const __m128i*>(levels.whole));
  return _mm256_shuffle_epi8(_mm256_broadcastsi128_si256(table), codes);
}

// Two columns of a row in each lane, 16 bits each: of 16 columns first the even ones, then the odd ones.
constexpr int dot_columns = 2, dot_planes = 1, fast_planes = 1, dot_plane_bits = 0;
// Unrolled, GCC would add up all products at once, and keep them in memory until then.
constexpr int codes_tokens = 4, dot_unroll = 1;

// Four columns of each row.
inline void store_fours(uint8_t* out, int column, __m256i a) {
  __m256i* const at = reinterpret_cast<__m256i*>(out) + column + column / 4 * 4;
  _mm256_storeu_si256(at, _mm256_and_si256(a, _mm256_set1_epi16(255)));
  _mm256_storeu_si256(at + 4, _mm256_srli_epi16(a, 8));
}
inline void store_codes(uint8_t* out, const octets (&rows)[8]) {
  __m256i pairs[8];
#pragma GCC unroll 4
  for (int i = 0; i < 8; i += 2) {
    pairs[i] = _mm256_unpacklo_epi32(rows[i], rows[i + 1]);
    pairs[i + 1] = _mm256_unpackhi_epi32(rows[i], rows[i + 1]);
  }
#pragma GCC unroll 4
  for (int i = 0; i < 4; ++i) {
    const int from = i / 2;
    const auto fours = [&](int first) {
      const __m256i a = pairs[first + from], b = pairs[first + from + 2];
      return i % 2 ? _mm256_unpackhi_epi64(a, b) : _mm256_unpacklo_epi64(a, b);
    };
    const __m256i upper = fours(0), lower = fours(4);
    store_fours(out, i, _mm256_permute2x128_si256(upper, lower, 0x20));
    store_fours(out, i + 4, _mm256_permute2x128_si256(upper, lower, 0x31));
  }
}

// The word at `at` of each row; the four from there on.
inline ints row_words(const Strip& strip, int64_t at) {
  const auto word = [&](int row) { return static_cast<int>(load_u32(strip.row(row) + at)); };
  return _mm256_setr_epi32(word(0), word(1), word(2), word(3), word(4), word(5), word(6), word(7));
}
inline void row_words(const Strip& strip, int64_t at, ints (&out)[4]) {
  const auto load = [&](int row) { return _mm_loadu_si128(reinterpret_cast<const __m128i*>(strip.row(row) + at)); };
  __m256i rows[4];
#pragma GCC unroll 4
  for (int i = 0; i < 4; ++i) rows[i] = _mm256_inserti128_si256(_mm256_castsi128_si256(load(i)), load(4 + i), 1);
  const __m256i a = _mm256_unpacklo_epi32(rows[0], rows[1]), b = _mm256_unpackhi_epi32(rows[0], rows[1]);
  const __m256i c = _mm256_unpacklo_epi32(rows[2], rows[3]), d = _mm256_unpackhi_epi32(rows[2], rows[3]);
  out[0] = _mm256_unpacklo_epi64(a, c), out[1] = _mm256_unpackhi_epi64(a, c);
  out[2] = _mm256_unpacklo_epi64(b, d), out[3] = _mm256_unpackhi_epi64(b, d);
}
inline vec low_halves(ints a) {
  const __m256i low = _mm256_and_si256(a, _mm256_set1_epi32(0xffff));
  return _mm256_cvtph_ps(_mm_packus_epi32(_mm256_castsi256_si128(low), _mm256_extracti128_si256(low, 1)));
}

inline ints load_ints(const uint8_t* p) { return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)); }
inline ints splat_word(const uint8_t* p) { return _mm256_set1_epi32(static_cast<int>(load_u32(p))); }
inline ints dot(ints sums, ints codes, ints x) { return _mm256_add_epi32(sums, _mm256_madd_epi16(codes, x)); }

inline ints whole_dots(ints dots, const float*, int) { return dots; }

// Of 32 columns of each row, the sums over codes * n of the first 16 and of the others.
template <int planes>
inline void dot_rows(const octets (&rows)[8], const uint8_t* x, ints& first, ints& last) {
  const __m256i a = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(x));
  const __m256i b = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(x) + 1);
  const __m256i even = _mm256_permute2x128_si256(a, b, 0x20), odd = _mm256_permute2x128_si256(a, b, 0x31);
  __m256i fours[8], eights[4], all[2];  // sums over so many columns, of one, two and four rows
#pragma GCC unroll 8
  for (int i = 0; i < 8; ++i) {
    fours[i] = _mm256_add_epi32(_mm256_madd_epi16(_mm256_and_si256(rows[i], _mm256_set1_epi16(255)), even),
                                _mm256_madd_epi16(_mm256_srli_epi16(rows[i], 8), odd));
  }
#pragma GCC unroll 4
  for (int i = 0; i < 4; ++i) {
    eights[i] = _mm256_add_epi32(_mm256_unpacklo_epi32(fours[2 * i], fours[2 * i + 1]),
                                 _mm256_unpackhi_epi32(fours[2 * i], fours[2 * i + 1]));
  }
#pragma GCC unroll 2
  for (int i = 0; i < 2; ++i) {
    all[i] = _mm256_add_epi32(_mm256_unpacklo_epi64(eights[2 * i], eights[2 * i + 1]),
                              _mm256_unpackhi_epi64(eights[2 * i], eights[2 * i + 1]));
  }
  first = _mm256_permute2x128_si256(all[0], all[1], 0x20), last = _mm256_permute2x128_si256(all[0], all[1], 0x31);
}

inline int sum(__m256i a) {
  const __m128i four = _mm_add_epi32(_mm256_castsi256_si128(a), _mm256_extracti128_si256(a, 1));
  const __m128i two = _mm_add_epi32(four, _mm_unpackhi_epi64(four, four));
  return _mm_cvtsi128_si32(_mm_add_epi32(two, _mm_shuffle_epi32(two, 1)));
}
template <int planes>
inline void pack_codes(const float* x, uint8_t* out, float* facts) {
  const __m256 magnitude = _mm256_castsi256_ps(_mm256_set1_epi32(0x7fffffff));
  __m256i most = _mm256_setzero_si256(), n[4];
  for (int i = 0; i < 4; ++i) {
    most = _mm256_max_epi32(most, _mm256_castps_si256(_mm256_and_ps(_mm256_loadu_ps(x + 8 * i), magnitude)));
  }
  const __m128i four = _mm_max_epi32(_mm256_castsi256_si128(most), _mm256_extracti128_si256(most, 1));
  const __m128i two = _mm_max_epi32(four, _mm_unpackhi_epi64(four, four));
  const int largest = _mm_cvtsi128_si32(_mm_max_epi32(two, _mm_shuffle_epi32(two, 1)));
  const CodeScale scale(bits_to_float(static_cast<uint32_t>(largest)), 127 * 256 + 127);
  for (int i = 0; i < 4; ++i) {
    n[i] = _mm256_cvtps_epi32(_mm256_mul_ps(_mm256_loadu_ps(x + 8 * i), _mm256_set1_ps(scale.inverse)));
  }
  const __m256i even_odd =
      _mm256_broadcastsi128_si256(_mm_setr_epi8(0, 1, 4, 5, 8, 9, 12, 13, 2, 3, 6, 7, 10, 11, 14, 15));
  for (int i = 0; i < 2; ++i) {
    const __m256i both = _mm256_permute4x64_epi64(_mm256_packs_epi32(n[2 * i], n[2 * i + 1]), 0xd8);
    const __m256i apart = _mm256_permute4x64_epi64(_mm256_shuffle_epi8(both, even_odd), 0xd8);
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(out) + i, apart);
  }
  scale.store(facts, sum(_mm256_add_epi32(n[0], n[1])), sum(_mm256_add_epi32(n[2], n[3])));
}

}  // namespace
}  // namespace deadlift::DEADLIFT_ISA

// Tiles of weights of the types that linear_codes.h reads as codes: 32 codes of a row become its 64 bytes of a tile,
// in a third to a half of the time that it takes to decode rows to floats and to round those.

#pragma once

#include "kernels/cpu/linear_codes.h"

namespace deadlift::DEADLIFT_ISA {
namespace {

inline __m512i join_bf16(vec a, vec b) { return reinterpret_cast<__m512i>(_mm512_cvtne2ps_pbh(b, a)); }

// Types whose codes are looked up: see Levels.
template <class Q>
constexpr bool has_levels = requires { Q::levels; };

// Codes of types that have few: what all of them stand for is computed, and looked up.
template <class Q, int bits>
constexpr bool looked_up = has_levels<Q> || bits <= 4 || (bits == 5 && Q::group == 32);

// All that 32 columns of a row can hold, as bf16: the values of 16 codes for the first group and for the second, or
// those of 32 codes. Rounded once to f32 and then to bf16, like all here. `scale` and `least` of one row, groups
// `lanes` apart.
template <class Q, int bits>
[[gnu::always_inline]] inline __m512i values_of_codes(const float* scale, const float* least) {
  if constexpr (has_levels<Q>) {
    const vec values = mul(_mm512_load_ps(Q::levels.number), splat(*scale));
    return _mm512_castsi256_si512(reinterpret_cast<__m256i>(_mm512_cvtneps_pbh(values)));
  } else {
    const vec codes = _mm512_setr_ps(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    const vec values = fma(codes, splat(*scale), splat(*least));
    if constexpr (bits == 5) return join_bf16(values, fma(add(codes, splat(16)), splat(*scale), splat(*least)));
    if constexpr (Q::group < 32) return join_bf16(values, fma(codes, splat(scale[lanes]), splat(least[lanes])));
    return _mm512_castsi256_si512(reinterpret_cast<__m256i>(_mm512_cvtneps_pbh(values)));
  }
}

template <class Q, int bits>
[[gnu::always_inline]] inline __m512i tile_row(__m256i codes, const float* scale, const float* least) {
  if constexpr (looked_up<Q, bits>) {
    __m512i at = _mm512_cvtepu8_epi16(codes);
    if constexpr (Q::group < 32) at = _mm512_mask_or_epi32(at, 0xff00, at, _mm512_set1_epi32(0x00100010));
    return _mm512_permutexvar_epi16(at, values_of_codes<Q, bits>(scale, least));
  } else {
    constexpr int second = Q::group < 32 ? lanes : 0;
    const vec a = to_float(_mm512_cvtepu8_epi32(_mm256_castsi256_si128(codes)));
    const vec b = to_float(_mm512_cvtepu8_epi32(_mm256_extracti128_si256(codes, 1)));
    return join_bf16(fma(a, splat(*scale), splat(*least)), fma(b, splat(scale[second]), splat(least[second])));
  }
}

template <class Q>
[[gnu::always_inline]] inline octets codes_of_two(const Strip& rows, int i, int g) {
  if constexpr (has_levels<Q>) {
    return Q::indices(rows, i, g);
  } else {
    return Q::codes(rows, i, g);
  }
}

// Columns of a strip, and asks for the same of the rows that come after the next strip. `bits` of a code.
template <class Q, int bits>
void unpack_tile_codes(Strip rows, int columns, uint8_t* tiles, GroupFacts facts) {
  constexpr int asked = lanes * 32 / Q::block;
  const int64_t ahead = 2 * lanes * rows.stride;
  for (int c = 0; c < columns; c += Q::block, rows.at += Q::bytes) {
    Q::facts(rows, facts);
#pragma GCC unroll 8
    for (int g = 0; g < Q::block / 32; ++g, tiles += lanes * 64) {
      if (Q::bytes > 32 || c % 64 == 0) {
#pragma GCC unroll 16
        for (int i = g * asked; i < (g + 1) * asked; ++i) {
#pragma GCC unroll 4
          for (int at = 0; at < Q::bytes; at += 64) prefetch(rows.row(i) + ahead + at);
        }
      }
      const float *scale = facts.scale + g * 32 / Q::group * lanes, *least = facts.least + g * 32 / Q::group * lanes;
#pragma GCC unroll 8
      for (int v = 0; v < lanes / octet_rows; ++v) {
        const int i = octet_row(v);
        const octets two = codes_of_two<Q>(rows, i, g);
        const __m512i upper = tile_row<Q, bits>(_mm512_castsi512_si256(two), scale + i, least + i);
        _mm512_store_si512(tiles + i * 64, upper);
        const __m512i lower = tile_row<Q, bits>(_mm512_extracti64x4_epi64(two, 1), scale + i + 4, least + i + 4);
        _mm512_store_si512(tiles + (i + 4) * 64, lower);
      }
    }
  }
}

}  // namespace
}  // namespace deadlift::DEADLIFT_ISA

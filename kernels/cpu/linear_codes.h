// linear of types whose values are scale * code + least, by groups of 32 or 16 columns: in whole numbers.
//
// Activations come packed (pack_codes in the words of the instruction set): 16-bit integers n with a scale for each 32,
// x = scale * n. Of one group, the sum over codes * n is exact in 32 bits, and a row meets a token as
//
//   total = fma(sum * x.scale, scale, total); total = fma(least, x.scale * (sum over n), total)
//
// group by group in ascending order. Lanes are rows, so nothing is added across lanes: a token has the same bits alone
// and in a batch, and on every instruction set that has fused multiply-add.

#pragma once

#include "kernels/cpu/kernels.h"
#include "kernels/cpu/strip.h"

namespace deadlift::DEADLIFT_ISA {
namespace {

// Types that have it are read as codes here.
template <class Q>
constexpr bool in_codes = requires { Q::group; };

constexpr int strips = 2;  // of `lanes` rows: in registers at once
constexpr int few_codes_tokens = 2;
constexpr int groups_at_once = 16;  // of 32 columns, in a panel, which stays in the L1 cache
constexpr int group_bytes = 512;    // of 32 columns of a strip
constexpr int packed_values = 64;   // bytes of 32 activations
static_assert(linear_tokens_max % codes_tokens == 0);

// Strips of rows as codes, with the scale and least value of each group.
struct CodesPanel {
  uint8_t* codes;  // (strips, groups_at_once, columns / dot_columns, lanes) of dot_columns codes
  float* scale;    // (strips, 2 * groups_at_once, lanes), half of it unused where groups have 32 columns
  float* least;    // (strips, 2 * groups_at_once, lanes)
  float* totals;   // (tokens, strips, lanes)
  uint8_t* tail;   // a strip's rows, where it has too few
};

constexpr int facts_floats = strips * 2 * groups_at_once * lanes;
constexpr int codes_floats = strips * groups_at_once * group_bytes / 4;
constexpr int totals_floats = linear_tokens_max * strips * lanes;
constexpr int tail_bytes = groups_at_once * 64;  // of a row
static_assert(2 * facts_floats + codes_floats + totals_floats + lanes * tail_bytes / 4 <= linear_scratch);

inline CodesPanel make_panel(float* scratch) {
  float* const codes = scratch + 2 * facts_floats;
  float* const totals = codes + codes_floats;
  return {reinterpret_cast<uint8_t*>(codes), scratch, scratch + facts_floats, totals,
          reinterpret_cast<uint8_t*>(totals + totals_floats)};
}

// A whole strip of a few rows, the last of which is repeated.
inline Strip copy_rows(const Strip& rows, int count, int64_t bytes, uint8_t* out) {
  for (int i = 0; i < lanes; ++i) {
    memcpy(out + i * tail_bytes, rows.row(i < count ? i : count - 1), static_cast<size_t>(bytes));
  }
  return {out, tail_bytes};
}

// Decodes some columns of a strip, and asks for the same columns of the rows that come after all strips: not byte by
// byte, for linear_codes comes to them in this order too. Written out here and in direct_strip: as a function of its
// own, GCC drops it or keeps its loops rolled, and decode takes twice as long.
template <class Q>
void unpack_strip(Strip rows, int columns, uint8_t* codes, GroupFacts facts) {
  constexpr int vectors = lanes / octet_rows, asked = lanes * 32 / Q::block;
  const int64_t ahead = strips * lanes * rows.stride;
  for (int c = 0; c < columns; c += Q::block, rows.at += Q::bytes) {
    Q::facts(rows, facts);
    facts.scale += Q::block / Q::group * lanes, facts.least += Q::block / Q::group * lanes;
#pragma GCC unroll 8
    for (int g = 0; g < Q::block / 32; ++g, codes += group_bytes) {
      if (Q::bytes > 32 || c % 64 == 0) {
#pragma GCC unroll 16
        for (int i = g * asked; i < (g + 1) * asked; ++i) {
#pragma GCC unroll 4
          for (int at = 0; at < Q::bytes; at += 64) prefetch(rows.row(i) + ahead + at);
        }
      }
      octets of[vectors];
#pragma GCC unroll 8
      for (int v = 0; v < vectors; ++v) of[v] = Q::codes(rows, octet_row(v), g);
      store_codes(codes, of);
    }
  }
}

// Packed activations: 32 columns' values after another, then four facts for each 32: the scale, and scale times the sum
// of all 32 values, of the first 16 and of the others.
struct PackedTokens {
  const uint8_t* values;
  const float* facts;
  int64_t stride;  // bytes
  const uint8_t* group(int token, int g) const { return values + token * stride + g * packed_values; }
  const float* facts_of(int token, int g) const {
    return reinterpret_cast<const float*>(reinterpret_cast<const uint8_t*>(facts) + token * stride) + g * 4;
  }
};

static_assert(packed_bytes(32) >= packed_values + 4 * sizeof(float));

template <int planes>
void pack(const float* x, int64_t stride, int tokens, int columns, uint8_t* out, int64_t out_stride) {
  for (int t = 0; t < tokens; ++t, x += stride, out += out_stride) {
    uint8_t* values = out;
    float* facts = reinterpret_cast<float*>(out + columns / 32 * packed_values);
    for (int k = 0; k < columns; k += 32, values += packed_values, facts += 4) pack_codes<planes>(x + k, values, facts);
  }
}

// The integer sums of columns [first, first + columns) of a group of 32, for T tokens and all strips. facts[part]: of
// these columns.
template <int planes, int T, int first, int columns, int part>
[[gnu::always_inline]] inline void dot_group(ints (&dots)[T][strips], const uint8_t* (&weights)[strips],
                                             const PackedTokens& x, int token, int g) {
  constexpr int steps = 32 / dot_columns, begin = first / dot_columns, end = (first + columns) / dot_columns;
#pragma GCC unroll 8
  for (int t = 0; t < T; ++t) {
#pragma GCC unroll 2
    for (int s = 0; s < strips; ++s) dots[t][s] = splat_int(0);
  }
#pragma GCC unroll 2
  for (int plane = 0; plane < planes; ++plane) {
    if (plane > 0) {
#pragma GCC unroll 8
      for (int t = 0; t < T; ++t) {
#pragma GCC unroll 2
        for (int s = 0; s < strips; ++s) dots[t][s] = shift_left(dots[t][s], dot_plane_bits);
      }
    }
#pragma GCC unroll dot_unroll
    for (int i = begin; i < end; ++i) {
      ints w[strips];
#pragma GCC unroll 2
      for (int s = 0; s < strips; ++s) w[s] = load_ints(weights[s] + i * lanes * 4);
#pragma GCC unroll 8
      for (int t = 0; t < T; ++t) {
        const auto n = splat_word(x.group(token + t, g) + (plane * steps + i) * 4);
#pragma GCC unroll 2
        for (int s = 0; s < strips; ++s) dots[t][s] = dot(dots[t][s], w[s], n);
      }
    }
  }
#pragma GCC unroll 8
  for (int t = 0; t < T; ++t) {
#pragma GCC unroll 2
    for (int s = 0; s < strips; ++s) dots[t][s] = whole_dots(dots[t][s], x.facts_of(token + t, g), part);
  }
}

// What a group adds to the total of each row.
[[gnu::always_inline]] inline vec add_dots(vec total, ints dots, vec scale, vec least, float unit, float sum) {
  return fma(least, splat(sum), fma(mul(to_float(dots), splat(unit)), scale, total));
}

// Adds columns [first, first + columns) of group g of the panel to the totals of T tokens.
template <int planes, int T, int first, int columns>
[[gnu::always_inline]] inline void add_group(vec (&totals)[T][strips], const CodesPanel& panel, int g, int from,
                                             const PackedTokens& x, int token) {
  const uint8_t* weights[strips];
#pragma GCC unroll 2
  for (int s = 0; s < strips; ++s) weights[s] = panel.codes + (s * groups_at_once + g) * group_bytes;
  ints dots[T][strips];
  constexpr int part = columns == 32 ? 1 : first == 0 ? 2 : 3;
  dot_group<planes, T, first, columns, part>(dots, weights, x, token, from + g);
  const int at = (g * 32 + first) / columns * lanes, strip = 2 * groups_at_once * lanes;
  vec scale[strips], least[strips];
#pragma GCC unroll 2
  for (int s = 0; s < strips; ++s)
    scale[s] = load(panel.scale + at + s * strip), least[s] = load(panel.least + at + s * strip);
#pragma GCC unroll 8
  for (int t = 0; t < T; ++t) {
    const float* facts = x.facts_of(token + t, from + g);
#pragma GCC unroll 2
    for (int s = 0; s < strips; ++s) {
      totals[t][s] = add_dots(totals[t][s], dots[t][s], scale[s], least[s], facts[0], facts[part]);
    }
  }
}

// A panel of `groups` groups, of which the first is group `from` of the rows, meets T tokens.
template <int planes, int T, int columns>
void codes_tile(const CodesPanel& panel, int groups, int from, const PackedTokens& x, int token) {
  vec totals[T][strips];
  float* const carried = panel.totals + token * strips * lanes;
#pragma GCC unroll 8
  for (int t = 0; t < T; ++t) {
#pragma GCC unroll 2
    for (int s = 0; s < strips; ++s) totals[t][s] = from > 0 ? load(carried + (t * strips + s) * lanes) : zero();
  }
  for (int g = 0; g < groups; ++g) {
    add_group<planes, T, 0, columns>(totals, panel, g, from, x, token);
    if constexpr (columns < 32) add_group<planes, T, columns, columns>(totals, panel, g, from, x, token);
  }
#pragma GCC unroll 8
  for (int t = 0; t < T; ++t) {
#pragma GCC unroll 2
    for (int s = 0; s < strips; ++s) store(carried + (t * strips + s) * lanes, totals[t][s]);
  }
}

template <int planes, int T, int columns>
void codes_tokens_tile(const CodesPanel& panel, int groups, int from, const PackedTokens& x, int token, int tokens) {
  if constexpr (T > 1) {
    if (tokens < T) return codes_tokens_tile<planes, T - 1, columns>(panel, groups, from, x, token, tokens);
  }
  codes_tile<planes, T, columns>(panel, groups, from, x, token);
}

// A strip meets T tokens while its codes are in registers, for as few as are not worth a panel.
template <class Q, int planes, int T>
void direct_strip(Strip rows, int columns, const PackedTokens& x, float* facts_scratch, vec (&totals)[T]) {
  constexpr int vectors = lanes / octet_rows, asked = lanes * 32 / Q::block;
  const int64_t ahead = lanes * rows.stride;
  const GroupFacts facts = {facts_scratch, facts_scratch + 16 * lanes};
  for (int k = 0; k < columns; k += Q::block, rows.at += Q::bytes) {
    Q::facts(rows, facts);
#pragma GCC unroll 8
    for (int g = 0; g < Q::block / 32; ++g) {
      if (Q::bytes > 32 || k % 64 == 0) {
#pragma GCC unroll 16
        for (int i = g * asked; i < (g + 1) * asked; ++i) {
#pragma GCC unroll 4
          for (int at = 0; at < Q::bytes; at += 64) prefetch(rows.row(i) + ahead + at);
        }
      }
      octets of[vectors];
#pragma GCC unroll 8
      for (int v = 0; v < vectors; ++v) of[v] = Q::codes(rows, octet_row(v), g);
#pragma GCC unroll 4
      for (int t = 0; t < T; ++t) {
        ints first, last;
        dot_rows<planes>(of, x.group(t, k / 32 + g), first, last);
        const float* token = x.facts_of(t, k / 32 + g);
        const auto meet = [&](ints dots, int group, float sum) {
          totals[t] = add_dots(totals[t], dots, load(facts.scale + group * lanes), load(facts.least + group * lanes),
                               token[0], sum);
        };
        if constexpr (Q::group == 32) {
          meet(add(first, last), g, token[1]);
        } else {
          meet(first, 2 * g, token[2]), meet(last, 2 * g + 1, token[3]);
        }
      }
    }
  }
}

template <class Q, int planes, int T>
void direct_strips(const Matrix& weight, int row, int rows, const PackedTokens& x, int tokens, float* out,
                   int64_t out_stride, float* scratch) {
  if constexpr (T > 1) {
    if (tokens < T) return direct_strips<Q, planes, T - 1>(weight, row, rows, x, tokens, out, out_stride, scratch);
  }
  for (int i = 0; i < rows; i += lanes) {
    vec totals[T];
#pragma GCC unroll 4
    for (int t = 0; t < T; ++t) totals[t] = zero();
    direct_strip<Q, planes, T>({weight.data + weight.stride * (row + i), weight.stride}, weight.columns, x, scratch,
                               totals);
#pragma GCC unroll 4
    for (int t = 0; t < T; ++t) store(out + t * out_stride + i, totals[t]);
  }
}

// Strips become panels, which all tokens meet.
template <class Q, int planes>
void panel_strips(const Matrix& weight, int row, int rows, const PackedTokens& x, int tokens, float* out,
                  int64_t out_stride, float* scratch) {
  const CodesPanel panel = make_panel(scratch);
  const int tiles = (tokens + codes_tokens - 1) / codes_tokens, tile = (tokens + tiles - 1) / tiles;
  for (int i = 0; i < rows; i += strips * lanes) {
    for (int k = 0; k < weight.columns; k += groups_at_once * 32) {
      const int columns = weight.columns - k < groups_at_once * 32 ? weight.columns - k : groups_at_once * 32;
      const int64_t done = int64_t{k} / Q::block * Q::bytes, bytes = int64_t{columns} / Q::block * Q::bytes;
      for (int s = 0; s < strips && i + s * lanes < rows; ++s) {
        const int first = i + s * lanes, facts = s * 2 * groups_at_once * lanes;
        const Strip strip = {weight.data + weight.stride * (row + first) + done, weight.stride};
        unpack_strip<Q>(first + lanes <= rows ? strip : copy_rows(strip, rows - first, bytes, panel.tail), columns,
                        panel.codes + s * groups_at_once * group_bytes, {panel.scale + facts, panel.least + facts});
      }
      for (int t = 0; t < tokens; t += tile) {
        codes_tokens_tile<planes, codes_tokens, Q::group>(panel, columns / 32, k / 32, x, t,
                                                          tile < tokens - t ? tile : tokens - t);
      }
    }
    for (int t = 0; t < tokens; ++t) {
      for (int s = 0; s < strips && i + s * lanes < rows; ++s) {
        const int first = i + s * lanes, n = rows - first < lanes ? rows - first : lanes;
        store_part(out + t * out_stride + first, load(panel.totals + (t * strips + s) * lanes), n);
      }
    }
  }
}

template <class Q, int planes>
void linear_codes(const Matrix& weight, int row, int rows, const Activations& x, float* out, int64_t out_stride,
                  float* scratch) {
  const PackedTokens packed = {x.packed, reinterpret_cast<const float*>(x.packed + weight.columns / 32 * packed_values),
                               x.packed_stride};
  const int whole = x.tokens > few_codes_tokens ? 0 : rows / lanes * lanes;
  direct_strips<Q, planes, few_codes_tokens>(weight, row, whole, packed, x.tokens, out, out_stride, scratch);
  if (whole == rows) return;
  panel_strips<Q, planes>(weight, row + whole, rows - whole, packed, x.tokens, out + whole, out_stride, scratch);
}

}  // namespace
}  // namespace deadlift::DEADLIFT_ISA

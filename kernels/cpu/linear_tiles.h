// linear on the matrix unit (the words of isa/tiles.h): products of bf16, added in f32.
//
// Tiles of 16 rows of weights by 32 columns meet tiles of 32 columns by 16 tokens, two by two of each. BF16 is
// multiplied where its file is mapped; other types, and what fills no tile, are decoded 512 columns at a time into a
// panel of bf16. What bf16 does not hold is multiplied apart:
//   BF16, and types of few bits   one product
//   F16                           two: it is the sum of two bf16 numbers
//   F32 and wider                 three: both sides as sums of two, without the product of the two lower ones
// The sum of a row and a token goes over the columns by 32, ascending from 0, so that a token has the same bits alone
// and in a batch. Subnormal numbers of bf16 count as zero, as the instruction has it.

#pragma once

#include "kernels/cpu/isa/tiles.h"
#include "kernels/cpu/kernels.h"
#include "kernels/cpu/tile_codes.h"

namespace deadlift::DEADLIFT_ISA {
namespace {

constexpr int tile_side = 16;     // rows of weights, tokens
constexpr int tile_columns = 32;  // of weights, of activations
constexpr int tile_bytes = 1024;
constexpr int panel_columns = 512;  // of 32 rows, decoded: with as many of activations, what the L1 cache holds
static_assert(pack_tokens == tile_side && linear_tokens_max % tile_side == 0 && panel_columns % tile_columns == 0);

// bf16 parts of the weights and of the activations that are multiplied.
enum class Parts { one, weights, both };

using Decode = void (*)(const uint8_t* row, int first, int columns, int apart, float* out);

using UnpackCodes = void (*)(Strip rows, int columns, uint8_t* tiles, GroupFacts facts);

// What is to be known of a type.
struct TileType {
  Decode decode;
  UnpackCodes codes;  // or null
  Parts parts;
  bool direct;  // BF16 itself
  int block, bytes;
};

// 32 values as bf16, and what that leaves of them, which is nothing where they are not finite.
struct SplitValues {
  __m512 values[2];
  __m512i upper;
  SplitValues(__m512 a, __m512 b) : values{a, b}, upper(join(a, b)) {}
  __m512i lower() const {
    return join(rest(values[0], _mm512_castsi512_si256(upper)), rest(values[1], _mm512_extracti64x4_epi64(upper, 1)));
  }

 private:
  static __m512i join(__m512 a, __m512 b) { return reinterpret_cast<__m512i>(_mm512_cvtne2ps_pbh(b, a)); }
  static __m512 rest(__m512 a, __m256i upper) {
    constexpr int not_finite = 0x99;
    const vec rounded = widen_bf16(upper);
    const auto finite = static_cast<__mmask16>(~_mm512_fpclass_ps_mask(rounded, not_finite));
    return _mm512_maskz_sub_ps(finite, a, rounded);
  }
};

// 32 values, of which n are there.
inline SplitValues split(const float* x, int n) {
  return {load_part(x, n < 16 ? n : 16), n < 16 ? zero() : load_part(x + 16, n - 16 < 16 ? n - 16 : 16)};
}

// Activations: tiles of 16 pairs of columns by 16 tokens, those of the upper parts, then those of the lower ones. All
// types get both, for matrices of several types may meet the same activations. Tokens that are not there are zeros.
inline void pack_tiles(const float* x, int64_t stride, int tokens, int columns, uint8_t* out, int64_t) {
  const int64_t lower = int64_t{(columns + tile_columns - 1) / tile_columns} * tile_bytes;
  for (int k = 0; k < columns; k += tile_columns, out += tile_bytes) {
    vec parts[2][tile_side];
    for (int t = 0; t < tile_side; ++t) {
      const SplitValues values = split(x + t * stride + k, t < tokens ? columns - k : 0);
      parts[0][t] = _mm512_castsi512_ps(values.upper), parts[1][t] = _mm512_castsi512_ps(values.lower());
    }
    for (int part = 0; part < 2; ++part) {
      transpose(parts[part]);
      for (int i = 0; i < tile_side; ++i) _mm512_store_ps(out + part * lower + i * 64, parts[part][i]);
    }
  }
}
static_assert(packed_bytes(1) * pack_tokens >= 2 * tile_bytes);

// Where the next columns of 16 rows, or of 16 tokens, are a tile further on.
struct Tiles {
  const uint8_t* at;
  int64_t stride;  // from row to row
  int64_t step;    // from tile to tile
  int64_t lower;   // from the upper parts to the lower ones
};

// What there is of rows that are multiplied together.
struct Panel {
  uint8_t* tiles;  // (2, panel_columns / 32) for each part
  float* row;      // (panel_columns)
  float* sums;     // (tokens / 16, 2) tiles
  float* facts;    // (2, panel_columns / 16, 16)
  uint8_t* tail;   // 16 rows, where there are fewer
};

constexpr int panel_tiles = 2 * panel_columns / tile_columns;  // of one part
constexpr int panel_floats = 2 * panel_tiles * tile_bytes / 4;
constexpr int sums_floats = linear_tokens_max / tile_side * 2 * tile_bytes / 4;
constexpr int tile_facts_floats = 2 * panel_columns;
constexpr int tiles_scratch =
    panel_floats + panel_columns + sums_floats + tile_facts_floats + tile_side * tail_bytes / 4;
static_assert(tiles_scratch <= linear_scratch && panel_columns == groups_at_once * 32 && tile_side == lanes);

inline Panel make_tile_panel(float* scratch) {
  float* const row = scratch + panel_floats;
  float* const sums = row + panel_columns;
  float* const facts = sums + sums_floats;
  return {reinterpret_cast<uint8_t*>(scratch), row, sums, facts, reinterpret_cast<uint8_t*>(facts + tile_facts_floats)};
}

// Decodes columns of up to 16 rows, the others are zeros, and asks for the same columns of the rows that come next.
inline Tiles unpack_tiles(const TileType& type, const Matrix& weight, int row, int rows, int k, int columns,
                          const Panel& panel, uint8_t* tiles) {
  const int64_t part = panel_tiles * tile_bytes, begin = int64_t{k} / type.block * type.bytes;
  const int64_t bytes = int64_t{columns} / type.block * type.bytes;
  if (type.codes) {
    const Strip strip = {weight.data + weight.stride * row + begin, weight.stride};
    type.codes(rows < tile_side ? copy_rows(strip, rows, bytes, panel.tail) : strip, columns, tiles,
               {panel.facts, panel.facts + tile_facts_floats / 2});
    return {tiles, 64, tile_bytes, part};
  }
  for (int i = 0; i < tile_side; ++i) {
    if (i < rows) {
      const uint8_t* at = weight.data + weight.stride * (row + i);
      for (int64_t b = 0; b < bytes; b += 64) prefetch_far(at + 2 * tile_side * weight.stride + begin + b);
      type.decode(at, k, columns, 1, panel.row);
    }
    uint8_t* to = tiles + i * 64;
    for (int c = 0; c < columns; c += tile_columns, to += tile_bytes) {
      const SplitValues values = split(panel.row + c, i < rows ? columns - c : 0);
      _mm512_store_si512(to, values.upper);
      if (type.parts != Parts::one) _mm512_store_si512(to + part, values.lower());
    }
  }
  return {tiles, 64, tile_bytes, part};
}

// The tiles' names: sums of rows r and tokens t are 2 * r + t.
constexpr int weights_tile = 4, x_tile = 6;

template <int R, int T>
[[gnu::always_inline]] inline void multiply_loaded() {
  multiply_tiles<0, weights_tile, x_tile>();
  if constexpr (T > 1) multiply_tiles<1, weights_tile, x_tile + 1>();
  if constexpr (R > 1) multiply_tiles<2, weights_tile + 1, x_tile>();
  if constexpr (R > 1 && T > 1) multiply_tiles<3, weights_tile + 1, x_tile + 1>();
}

template <int R, int first>
[[gnu::always_inline]] inline void load_side(const Tiles (&side)[2], int64_t i, bool lower) {
  load_tile<first>(side[0].at + i * side[0].step + (lower ? side[0].lower : 0), side[0].stride);
  if constexpr (R > 1) {
    load_tile<first + 1>(side[1].at + i * side[1].step + (lower ? side[1].lower : 0), side[1].stride);
  }
}

template <int R, int T>
[[gnu::always_inline]] inline void load_sums(const float* sums) {
  constexpr int floats = tile_bytes / 4;
  load_tile<0>(sums, 64);
  if constexpr (R > 1) load_tile<2>(sums + floats, 64);
  if constexpr (T > 1) load_tile<1>(sums + 2 * floats, 64);
  if constexpr (R > 1 && T > 1) load_tile<3>(sums + 3 * floats, 64);
}

template <int R, int T>
[[gnu::always_inline]] inline void store_sums(float* sums) {
  constexpr int floats = tile_bytes / 4;
  store_tile<0>(sums, 64);
  if constexpr (R > 1) store_tile<2>(sums + floats, 64);
  if constexpr (T > 1) store_tile<1>(sums + 2 * floats, 64);
  if constexpr (R > 1 && T > 1) store_tile<3>(sums + 3 * floats, 64);
}

// Adds to the sums of 16 * R rows and 16 * T tokens what `steps` tiles of columns give. `ahead`: rows that come next,
// or null.
template <int R, int T, Parts parts>
void multiply_steps(const Tiles (&weights)[2], const Tiles (&x)[2], int steps, float* sums, bool first,
                    const uint8_t* ahead) {
  if (first) {
    clear_tile<0>(), clear_tile<1>(), clear_tile<2>(), clear_tile<3>();
  } else {
    load_sums<R, T>(sums);
  }
  for (int64_t i = 0; i < steps; ++i) {
    if (ahead) {
#pragma GCC unroll 4
      for (int row = 0; row < R * tile_side; ++row) prefetch_far(ahead + row * weights[0].stride + i * 64);
    }
    load_side<R, weights_tile>(weights, i, false);
    if constexpr (parts == Parts::both) {
      load_side<T, x_tile>(x, i, true);
      multiply_loaded<R, T>();
    }
    load_side<T, x_tile>(x, i, false);
    multiply_loaded<R, T>();
    if constexpr (parts != Parts::one) {
      load_side<R, weights_tile>(weights, i, true);
      multiply_loaded<R, T>();
    }
  }
  store_sums<R, T>(sums);
}

using MultiplySteps = void (*)(const Tiles (&weights)[2], const Tiles (&x)[2], int steps, float* sums, bool first,
                               const uint8_t* ahead);

template <Parts parts>
constexpr MultiplySteps multiply_steps_of[2][2] = {{multiply_steps<1, 1, parts>, multiply_steps<1, 2, parts>},
                                                   {multiply_steps<2, 1, parts>, multiply_steps<2, 2, parts>}};

inline MultiplySteps find_steps(Parts parts, int row_tiles, int token_tiles) {
  const auto& of = parts == Parts::one       ? multiply_steps_of<Parts::one>
                   : parts == Parts::weights ? multiply_steps_of<Parts::weights>
                                             : multiply_steps_of<Parts::both>;
  return of[row_tiles - 1][token_tiles - 1];
}

// Sums of 16 rows and 16 tokens, those that are there.
inline void store_out(const float* sums, int rows, int tokens, float* out, int64_t out_stride) {
  vec m[tile_side];
  for (int i = 0; i < tile_side; ++i) m[i] = load(sums + i * 16);
  transpose(m);
  for (int t = 0; t < tile_side && t < tokens; ++t) {
    store_part(out + t * out_stride, m[t], rows < tile_side ? rows : tile_side);
  }
}

// Up to 32 rows.
inline void tile_rows(const TileType& type, const Matrix& weight, int row, int rows, const Activations& x, float* out,
                      int64_t out_stride, const Panel& panel) {
  const int row_tiles = rows > tile_side ? 2 : 1, columns = weight.columns;
  const int64_t lower = int64_t{(columns + tile_columns - 1) / tile_columns} * tile_bytes;
  for (int k = 0; k < columns; k += panel_columns) {
    const int n = columns - k < panel_columns ? columns - k : panel_columns;
    Tiles weights[2] = {};
    bool in_place = type.direct && n % tile_columns == 0;
    for (int r = 0; r < row_tiles; ++r) {
      const int first = row + r * tile_side, some = rows - r * tile_side;
      if (in_place && some >= tile_side) {
        weights[r] = {weight.data + weight.stride * first + int64_t{k} * 2, weight.stride, 64, 0};
      } else {
        weights[r] =
            unpack_tiles(type, weight, first, some, k, n, panel, panel.tiles + r * panel_tiles / 2 * tile_bytes);
        in_place = false;
      }
    }
    const uint8_t* ahead = in_place ? weights[0].at + 2 * tile_side * weight.stride : nullptr;
    for (int t = 0; t < x.tokens; t += 2 * tile_side) {
      Tiles tokens[2] = {};
      for (int i = 0; i < 2; ++i) {
        const int64_t first = (t + i * tile_side) * x.packed_stride + int64_t{k} / tile_columns * tile_bytes;
        tokens[i] = {x.packed + first, 64, tile_bytes, lower};
      }
      const MultiplySteps multiply = find_steps(type.parts, row_tiles, x.tokens - t > tile_side ? 2 : 1);
      float* const sums = panel.sums + t / tile_side * 2 * (tile_bytes / 4);
      multiply(weights, tokens, (n + tile_columns - 1) / tile_columns, sums, k == 0, t == 0 ? ahead : nullptr);
    }
  }
  for (int t = 0; t < x.tokens; t += tile_side) {
    for (int r = 0; r < row_tiles; ++r) {
      store_out(panel.sums + (t / tile_side * 2 + r) * (tile_bytes / 4), rows - r * tile_side, x.tokens - t,
                out + t * out_stride + r * tile_side, out_stride);
    }
  }
}

inline void linear_tiles(const TileType& type, const Matrix& weight, int row, int rows, const Activations& x,
                         float* out, int64_t out_stride, float* scratch) {
  const Panel panel = make_tile_panel(scratch);
  open_tiles();
  for (int i = 0; i < rows; i += 2 * tile_side) {
    const int some = rows - i < 2 * tile_side ? rows - i : 2 * tile_side;
    tile_rows(type, weight, row + i, some, x, out + i, out_stride, panel);
  }
  close_tiles();
}

}  // namespace
}  // namespace deadlift::DEADLIFT_ISA

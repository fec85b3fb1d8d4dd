// linear of programs of whole texts, where products are of floats: tokens are in lanes.
//
// Nothing that such a program computes must have the bits of a decoder's next token, so it need not add across lanes as
// linear.h does. The sum of one row and one token is a chain over the columns in ascending order; a token has the same
// bits alone and in a batch, and on every instruction set that has fused multiply-add.

#pragma once

#include "kernels/cpu/embed.h"
#include "kernels/cpu/kernels.h"

namespace deadlift::DEADLIFT_ISA {
namespace {

constexpr int text_columns = 512;               // of a panel at once
constexpr int text_stride = text_columns + 16;  // floats: rows of a panel fall into different sets of the L1 cache
constexpr int text_sums_stride = linear_tokens_max;
constexpr int text_panel_floats = linear_rows_max * text_stride;
static_assert(pack_tokens % lanes == 0 && linear_tokens_max % pack_tokens == 0);
static_assert(text_panel_floats + (linear_rows_max + lanes) * text_sums_stride <= linear_scratch);

// Blocks of 16 tokens: their values of the first column, of the second ... Tokens that are not there are zeros.
inline void pack_texts(const float* x, int64_t stride, int tokens, int columns, uint8_t* out, int64_t) {
  float* to = reinterpret_cast<float*>(out);
  for (int k = 0; k < columns; k += lanes) {
    const int n = columns - k < lanes ? columns - k : lanes;
    for (int first = 0; first < pack_tokens; first += lanes) {
      vec m[lanes];
#pragma GCC unroll 16
      for (int t = 0; t < lanes; ++t) {
        m[t] = first + t < tokens ? load_part(x + (first + t) * stride + k, n) : zero();
      }
      transpose(m);
#pragma GCC unroll 16
      for (int i = 0; i < lanes; ++i) {
        if (i < n) store(to + (k + i) * pack_tokens + first, m[i]);
      }
    }
  }
}

// Some rows of weights as floats, at a column.
struct TextRows {
  const uint8_t* at[text_rows];
};

// Adds the products of some columns to the sums of a tile of rows and V vectors of tokens.
template <int V>
void texts_tile(const TextRows& rows, int columns, const float* const (&x)[V], float* sums, bool first) {
  vec all[text_rows][V];
#pragma GCC unroll 8
  for (int r = 0; r < text_rows; ++r) {
#pragma GCC unroll 4
    for (int v = 0; v < V; ++v) all[r][v] = first ? zero() : load(sums + r * text_sums_stride + v * lanes);
  }
  // So few tokens leave memory no time: the next tile of rows is asked for, a line of each row at once.
  const int64_t ahead = text_rows * (rows.at[1] - rows.at[0]);
  for (int k = 0; k < columns; ++k) {
    if (V == 1 && k % 16 == 0) {
#pragma GCC unroll 8
      for (int r = 0; r < text_rows; ++r) prefetch(rows.at[r] + ahead + k * sizeof(float));
    }
    vec tokens[V];
#pragma GCC unroll 4
    for (int v = 0; v < V; ++v) tokens[v] = load(x[v] + k * pack_tokens);
#pragma GCC unroll 8
    for (int r = 0; r < text_rows; ++r) {
      const vec weight = splat(bits_to_float(load_u32(rows.at[r] + k * sizeof(float))));
#pragma GCC unroll 4
      for (int v = 0; v < V; ++v) all[r][v] = fma(weight, tokens[v], all[r][v]);
    }
  }
#pragma GCC unroll 8
  for (int r = 0; r < text_rows; ++r) {
#pragma GCC unroll 4
    for (int v = 0; v < V; ++v) store(sums + r * text_sums_stride + v * lanes, all[r][v]);
  }
}

// Rows that are in memory as floats; those past the end repeat the last one, their sums are dropped.
struct TextPanel {
  const uint8_t* at;
  int64_t stride;  // bytes
  int rows;
  TextRows from(int row) const {
    TextRows some;
    for (int i = 0; i < text_rows; ++i) some.at[i] = at + stride * (row + i < rows ? row + i : rows - 1);
    return some;
  }
};

// All rows of a panel meet V vectors of tokens, of which the first is `vector`; `x`: at a column.
template <int V>
void texts_vectors(const TextPanel& panel, int columns, const Activations& x, int column, int vector, int vectors,
                   float* sums) {
  if constexpr (V > 1) {
    if (vectors < V) return texts_vectors<V - 1>(panel, columns, x, column, vector, vectors, sums);
  }
  const float* at[V];
  for (int v = 0; v < V; ++v) {
    const int token = (vector + v) * lanes, block = token / pack_tokens * pack_tokens;
    at[v] = reinterpret_cast<const float*>(x.packed + block * x.packed_stride) + column * pack_tokens + token - block;
  }
  for (int row = 0; row < panel.rows; row += text_rows) {
    texts_tile<V>(panel.from(row), columns, at, sums + row * text_sums_stride + vector * lanes, column == 0);
  }
}

// `sums` // (rows, tokens) become rows of tokens.
inline void turn_sums(const float* sums, int rows, int tokens, float* out, int64_t out_stride) {
  for (int row = 0; row < rows; row += lanes) {
    const int n = rows - row < lanes ? rows - row : lanes;
    for (int token = 0; token < tokens; token += lanes) {
      vec m[lanes];
#pragma GCC unroll 16
      for (int i = 0; i < lanes; ++i) m[i] = load(sums + (row + i) * text_sums_stride + token);
      transpose(m);
#pragma GCC unroll 16
      for (int t = 0; t < lanes; ++t) {
        if (token + t < tokens) store_part(out + (token + t) * out_stride + row, m[t], n);
      }
    }
  }
}

// Some columns of some rows; types that are floats are read where they are.
template <class Q>
TextPanel text_panel(const Matrix& weight, int row, int rows, int column, int columns, float* memory) {
  const uint8_t* const at = weight.data + weight.stride * row;
  if constexpr (requires { Q::plain; }) {
    return {at + column * sizeof(float), weight.stride, rows};
  } else {
    for (int i = 0; i < rows; ++i) decode<Q>(at + weight.stride * i, column, columns, 1, memory + i * text_stride);
    return {reinterpret_cast<const uint8_t*>(memory), text_stride * sizeof(float), rows};
  }
}

template <class Q>
void linear_texts(const Matrix& weight, int row, int rows, const Activations& x, float* out, int64_t out_stride,
                  float* scratch) {
  float* const sums = scratch + text_panel_floats;
  const int vectors = (x.tokens + lanes - 1) / lanes;
  // As many at once as leave no small rest.
  const int tiles = (vectors + text_vectors - 1) / text_vectors, tile = (vectors + tiles - 1) / tiles;
  for (int k = 0; k < weight.columns; k += text_columns) {
    const int columns = weight.columns - k < text_columns ? weight.columns - k : text_columns;
    const TextPanel panel = text_panel<Q>(weight, row, rows, k, columns, scratch);
    for (int v = 0; v < vectors; v += tile) {
      texts_vectors<text_vectors>(panel, columns, x, k, v, tile < vectors - v ? tile : vectors - v, sums);
    }
  }
  turn_sums(sums, rows, x.tokens, out, out_stride);
}

// Those that are multiplied as codes share nothing across lanes there, too.
template <class Q>
constexpr LinearKernel texts_of() {
  if constexpr (in_codes<Q>)
    return nullptr;
  else
    return linear_texts<Q>;
}

}  // namespace
}  // namespace deadlift::DEADLIFT_ISA

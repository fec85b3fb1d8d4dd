// linear: dot products of rows of a matrix, of any quant, with tokens. Types whose values are whole numbers under
// scales are in linear_codes.h; the others are multiplied as floats, here.
//
// The sum of one row and one token is `lanes` partial sums, lane l over the columns k = l mod lanes in ascending order,
// added at the end in the fixed order of sum4. Both ways of getting there, and every way of cutting the work, keep this
// order, so a token has the same bits alone and in a batch:
//   direct  few tokens, types in demand: weights are decoded in registers, once for all tokens;
//   panel   otherwise: 4 rows at a time are decoded into scratch, once for all tiles of tokens, and multiplied by code
//           that knows no type. Rarer types cost the build little more than their decode.

#include "kernels/cpu/embed.h"
#include "kernels/cpu/kernels.h"
#include "kernels/cpu/linear_codes.h"

namespace deadlift::DEADLIFT_ISA {
namespace {

constexpr int group = 4;                     // rows in registers at once
constexpr int columns_at_once = 512;         // of a panel: 4 rows of it and a tile of tokens stay in the L1 cache
constexpr int few_tokens = 3 * tile_tokens;  // meet one group of rows at a time, whose panel stays in the L1 cache
static_assert(linear_tokens_max % tile_tokens == 0);

template <int T>
struct Sums {
  vec of[T][group];
};

// Rows of a group; rows past the end repeat the last one, their sums are dropped.
struct Rows {
  const uint8_t* at[group];
  Rows(const Matrix& weight, int row, int rows) {
    for (int i = 0; i < group; ++i) at[i] = weight.data + weight.stride * (row + (i < rows ? i : rows - 1));
  }
};

// Inlined: the sums stay in registers only where no reference to them leaves the function.
template <int T>
[[gnu::always_inline]] inline void finish(const Sums<T>& sums, int rows, float* out, int64_t out_stride) {
#pragma GCC unroll 8
  for (int t = 0; t < T; ++t) {
    float four[group];
    sum4(four, sums.of[t][0], sums.of[t][1], sums.of[t][2], sums.of[t][3]);
    for (int i = 0; i < group && i < rows; ++i) out[t * out_stride + i] = four[i];
  }
}

// sums += weights * x for one vector of columns; `load_x(t)` gives token t's.
template <int T, class LoadX>
[[gnu::always_inline]] inline void multiply(Sums<T>& sums, const vec (&weights)[group], LoadX load_x) {
#pragma GCC unroll 8
  for (int t = 0; t < T; ++t) {
    const vec x = load_x(t);
#pragma GCC unroll 4
    for (int i = 0; i < group; ++i) sums.of[t][i] = fma(weights[i], x, sums.of[t][i]);
  }
}

template <int T>
[[gnu::always_inline]] inline Sums<T> no_sums() {
  Sums<T> sums;
#pragma GCC unroll 8
  for (int t = 0; t < T; ++t) {
#pragma GCC unroll 4
    for (int i = 0; i < group; ++i) sums.of[t][i] = zero();
  }
  return sums;
}

// The same for `values` columns, which a run of each row holds.
template <int T, int values, class Run>
[[gnu::always_inline]] inline void multiply_run(Sums<T>& sums, const Run (&runs)[group], const float* x,
                                                int64_t x_stride) {
#pragma GCC unroll 4
  for (int part = 0; part < values / lanes; ++part) {
    const vec weights[group] = {runs[0].part(part), runs[1].part(part), runs[2].part(part), runs[3].part(part)};
    multiply(sums, weights, [&](int t) { return load(x + part * lanes + t * x_stride); });
  }
}

template <class Q, int T>
void direct_group(const Matrix& weight, int row, int rows, const float* x, int64_t x_stride, float* out,
                  int64_t out_stride) {
  const Rows from(weight, row, rows);
  const int columns = weight.columns;
  Sums<T> sums = no_sums<T>();
  // Memory is asked for one group ahead: rows are too short for the processor to see a stream in each of the four.
  constexpr int step_bytes = group * Q::step * Q::bytes / Q::block;
  const uint8_t* ahead = from.at[0] + group * weight.stride;
  const bool near = group * weight.stride <= 16384;  // what is read and what is asked for fit into the L1 cache
  int k = 0;
  for (; k + Q::step <= columns; k += Q::step, ahead += step_bytes) {
#pragma GCC unroll 4
    for (int i = 0; i < step_bytes; i += 64) near ? prefetch(ahead + i) : prefetch_far(ahead + i);
    const Q blocks[group] = {Q(from.at[0], k), Q(from.at[1], k), Q(from.at[2], k), Q(from.at[3], k)};
    if constexpr (requires { typename Q::Run; }) {
      constexpr int values = Q::Run::values;
      for (int i = 0; i < Q::step / values; ++i) {
        const typename Q::Run runs[group] = {blocks[0].open(i), blocks[1].open(i), blocks[2].open(i),
                                             blocks[3].open(i)};
        multiply_run<T, values>(sums, runs, x + k + i * values, x_stride);
      }
    } else {
      multiply_run<T, Q::step>(sums, blocks, x + k, x_stride);
    }
  }
  if constexpr (Q::step > Q::block) {
    if (const int n = columns - k) {
      const vec weights[group] = {Q::tail(from.at[0], k, n), Q::tail(from.at[1], k, n), Q::tail(from.at[2], k, n),
                                  Q::tail(from.at[3], k, n)};
      multiply(sums, weights, [&](int t) { return load_part(x + k + t * x_stride, n); });
    }
  }
  finish(sums, rows, out, out_stride);
}

template <class Q, int T>
void direct_tile(const Matrix& weight, int row, int rows, const float* x, int64_t x_stride, int tokens, float* out,
                 int64_t out_stride) {
  if constexpr (T > 1) {
    if (tokens < T) return direct_tile<Q, T - 1>(weight, row, rows, x, x_stride, tokens, out, out_stride);
  }
  direct_group<Q, T>(weight, row, rows, x, x_stride, out, out_stride);
}

// A group of rows meets all its tokens while it is in the L1 cache.
template <class Q>
void direct(const Matrix& weight, int row, int rows, const float* x, int64_t x_stride, int tokens, float* out,
            int64_t out_stride) {
  const int tiles = (tokens + tile_tokens - 1) / tile_tokens, tile = (tokens + tiles - 1) / tiles;
  for (int i = 0; i < rows; i += group) {
    for (int t = 0; t < tokens; t += tile) {
      direct_tile<Q, tile_tokens>(weight, row + i, rows - i, x + t * x_stride, x_stride,
                                  tile < tokens - t ? tile : tokens - t, out + t * out_stride + i, out_stride);
    }
  }
}

using Decode = void (*)(const uint8_t* row, int first, int columns, int apart, float* out);

// Decodes columns [k, k + columns) of a group of rows: panel // (columns / lanes, 4, lanes), the tail padded with
// zeros.
void unpack(Decode decode, const Rows& from, int k, int columns, float* panel) {
  if (columns % lanes) {
    for (int i = 0; i < group; ++i) store(panel + (columns / lanes * group + i) * lanes, zero());
  }
  for (int i = 0; i < group; ++i) decode(from.at[i], k, columns, group, panel + i * lanes);
}

// One group of rows, one tile of tokens, some columns. `carried` // (T, 4, lanes) goes on from columns to columns.
template <int T>
void panel_tile(const float* panel, int columns, const float* x, int64_t x_stride, float* carried, bool first) {
  Sums<T> sums = no_sums<T>();
  if (!first) {
#pragma GCC unroll 8
    for (int t = 0; t < T; ++t) {
#pragma GCC unroll 4
      for (int i = 0; i < group; ++i) sums.of[t][i] = load(carried + (t * group + i) * lanes);
    }
  }
  int k = 0;
  for (; k + lanes <= columns; k += lanes, panel += group * lanes) {
    const vec weights[group] = {load(panel), load(panel + lanes), load(panel + 2 * lanes), load(panel + 3 * lanes)};
    multiply(sums, weights, [&](int t) { return load(x + k + t * x_stride); });
  }
  if (const int n = columns - k) {
    const vec weights[group] = {load(panel), load(panel + lanes), load(panel + 2 * lanes), load(panel + 3 * lanes)};
    multiply(sums, weights, [&](int t) { return load_part(x + k + t * x_stride, n); });
  }
#pragma GCC unroll 8
  for (int t = 0; t < T; ++t) {
#pragma GCC unroll 4
    for (int i = 0; i < group; ++i) store(carried + (t * group + i) * lanes, sums.of[t][i]);
  }
}

// Adds the lanes of what panel_tile carried.
template <int T>
void finish_carried(const float* carried, int rows, float* out, int64_t out_stride) {
  for (int t = 0; t < T; ++t, carried += group * lanes, out += out_stride) {
    float four[group];
    sum4(four, load(carried), load(carried + lanes), load(carried + 2 * lanes), load(carried + 3 * lanes));
    for (int i = 0; i < group && i < rows; ++i) out[i] = four[i];
  }
}

// What a panel is multiplied with, and where the sums go.
struct PanelWork {
  const float* panel;  // (groups, columns_at_once, 4)
  int rows;
  const float* x;
  int64_t x_stride;
  float* sums;  // (tokens, groups, 4, lanes)
  float* out;
  int64_t out_stride;
};

template <int T>
void panel_tokens(const PanelWork& work, int token, int tokens, int k, int columns, bool last) {
  if constexpr (T > 1) {
    if (tokens < T) return panel_tokens<T - 1>(work, token, tokens, k, columns, last);
  }
  const int groups = (work.rows + group - 1) / group;
  for (int g = 0; g < groups; ++g) {
    float* carried = work.sums + (int64_t{token} * groups + g * T) * group * lanes;
    panel_tile<T>(work.panel + g * group * columns_at_once, columns, work.x + token * work.x_stride + k, work.x_stride,
                  carried, k == 0);
    if (last) {
      finish_carried<T>(carried, work.rows - g * group, work.out + token * work.out_stride + g * group,
                        work.out_stride);
    }
  }
}

void panel(Decode decode, const Matrix& weight, int row, int rows, const float* x, int64_t x_stride, int tokens,
           float* out, int64_t out_stride, float* scratch) {
  const PanelWork work = {scratch, rows, x, x_stride, scratch + columns_at_once * linear_rows_max, out, out_stride};
  for (int k = 0; k < weight.columns; k += columns_at_once) {
    const int columns = weight.columns - k < columns_at_once ? weight.columns - k : columns_at_once;
    for (int i = 0; i < rows; i += group) {
      unpack(decode, Rows(weight, row + i, rows - i), k, columns, scratch + i * columns_at_once);
    }
    const bool last = k + columns == weight.columns;
    for (int t = 0; t < tokens; t += tile_tokens) panel_tokens<tile_tokens>(work, t, tokens - t, k, columns, last);
  }
}

// `planes`: of the activations of types in codes.
template <class Q, int planes>
void linear(const Matrix& weight, int row, int rows, const Activations& x, float* out, int64_t out_stride,
            float* scratch) {
  if constexpr (in_codes<Q>) {
    return linear_codes<Q, planes>(weight, row, rows, x, out, out_stride, scratch);
  } else {
    if constexpr (direct_tokens > 0 && Q::direct) {
      if (x.tokens <= direct_tokens) return direct<Q>(weight, row, rows, x.x, x.stride, x.tokens, out, out_stride);
    }
    const int at_once = x.tokens <= few_tokens ? group : rows;
    for (int i = 0; i < rows; i += at_once) {
      panel(decode<Q>, weight, row + i, at_once < rows - i ? at_once : rows - i, x.x, x.stride, x.tokens, out + i,
            out_stride, scratch);
    }
  }
}

template <class Q, int planes>
constexpr PackKernel pack_of() {
  return in_codes<Q> ? pack<planes> : nullptr;
}

}  // namespace
}  // namespace deadlift::DEADLIFT_ISA

// Whether this machine's matrix unit computes what plain arithmetic does.
//
// These kernels were written without a processor that has one, under emulation. So before they are offered they
// multiply small whole numbers, whose sums are exact in any order, in every way that they have: a difference costs the
// speed of the set, never a wrong answer.

#pragma once

#include "kernels/cpu/linear_tiles.h"

namespace deadlift::DEADLIFT_ISA {
namespace {

// Two tiles of rows and a row, a panel and a tile, and some columns for types without blocks, two tiles of tokens and a
// token.
constexpr int checked_rows = 33, checked_blocks = panel_columns + 32, checked_columns = checked_blocks + 6;
constexpr int checked_tokens = 33;

struct TilesCheck {
  alignas(64) float scratch[tiles_scratch];
  alignas(64) uint8_t packed[3 * pack_tokens * packed_bytes(checked_columns)];
  uint8_t weights[checked_rows * checked_columns * 4];
  float w[checked_rows * checked_columns], x[checked_tokens * checked_columns];  // whole numbers
  float out[checked_tokens * checked_rows];
};

// Whole numbers, the largest magnitude given.
inline void fill_whole(float* out, int n, int most) {
  uint32_t state = 1;
  for (int i = 0; i < n; ++i) {
    state = state * 1664525 + 1013904223;
    out[i] = static_cast<float>(static_cast<int>(state >> 16) % (2 * most + 1) - most);
  }
}

inline bool products_are_exact(LinearKernel linear, int columns, int64_t row_bytes, TilesCheck& check) {
  const Matrix weight = {check.weights, row_bytes, checked_rows, columns};
  const int64_t stride = packed_bytes(columns);
  for (int t = 0; t < checked_tokens; t += pack_tokens) {
    const int tokens = checked_tokens - t < pack_tokens ? checked_tokens - t : pack_tokens;
    pack_tiles(check.x + t * columns, columns, tokens, columns, check.packed + t * stride, stride);
  }
  const Activations x = {check.x, columns, check.packed, stride, checked_tokens};
  linear(weight, 0, checked_rows, x, check.out, checked_rows, check.scratch);
  for (int t = 0; t < checked_tokens; ++t) {
    for (int r = 0; r < checked_rows; ++r) {
      const float *w = check.w + r * columns, *values = check.x + t * columns;
      int sum = 0;
      for (int k = 0; k < columns; ++k) sum += static_cast<int>(w[k] * values[k]);
      if (float_to_bits(check.out[t * checked_rows + r]) != float_to_bits(static_cast<float>(sum))) return false;
    }
  }
  return true;
}

// Weights of two bytes, a vector at a time.
template <class Store>
void narrow_weights(TilesCheck& check, Store store) {
  constexpr int values = checked_rows * checked_columns;
  for (int i = 0; i < values; i += lanes) {
    const int n = values - i < lanes ? values - i : lanes;
    store(check.weights + i * 2, load_part(check.w + i, n), n);
  }
}

// Blocks of 32 whole numbers whose scale is 1.
inline void block_weights(TilesCheck& check) {
  constexpr uint16_t one = 0x3c00;
  uint8_t* out = check.weights;
  for (int i = 0; i < checked_rows * checked_blocks; i += 32, out += 34) {
    memcpy(out, &one, 2);
    for (int k = 0; k < 32; ++k) out[2 + k] = static_cast<uint8_t>(static_cast<int>(check.w[i + k]));
  }
}

// Numbers up to 1000 have parts that one bf16 does not hold.
inline bool tiles_work(LinearKernel f32, LinearKernel f16, LinearKernel bf16, LinearKernel q8_0) {
  static TilesCheck check;
  constexpr int weights = checked_rows * checked_columns, values = checked_tokens * checked_columns;
  fill_whole(check.w, weights, 8), fill_whole(check.x, values, 1000);
  memcpy(check.weights, check.w, sizeof check.weights);
  if (!products_are_exact(f32, checked_columns, checked_columns * 4, check)) return false;
  fill_whole(check.w, weights, 1000), fill_whole(check.x, values, 8);
  memcpy(check.weights, check.w, sizeof check.weights);
  if (!products_are_exact(f32, checked_columns, checked_columns * 4, check)) return false;
  narrow_weights(check, store_f16_part);
  if (!products_are_exact(f16, checked_columns, checked_columns * 2, check)) return false;
  fill_whole(check.w, weights, 8);
  narrow_weights(check, store_bf16_part);
  if (!products_are_exact(bf16, checked_columns, checked_columns * 2, check)) return false;
  block_weights(check);
  return products_are_exact(q8_0, checked_blocks, checked_blocks / 32 * 34, check);
}

}  // namespace
}  // namespace deadlift::DEADLIFT_ISA

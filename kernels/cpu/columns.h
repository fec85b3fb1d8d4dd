// Columns of a state, some vectors of them side by side: what `delta` and `scan` walk over the tokens with.

#pragma once

#include "kernels/cpu/kernels.h"

namespace deadlift::DEADLIFT_ISA {
namespace {

constexpr int column_vectors = 4;  // sums that hide each other's latency
constexpr int column_block = column_vectors * lanes;
static_assert(column_block <= state_columns);

// V vectors whose last one holds what is left of `count`.
template <int V>
struct Columns {
  vec v[V];

  static Columns splat_all(float x) {
    Columns r;
    for (int i = 0; i < V; ++i) r.v[i] = splat(x);
    return r;
  }
  static Columns load_all(const float* p, int count) {
    Columns r;
    for (int i = 0; i + 1 < V; ++i) r.v[i] = load(p + i * lanes);
    r.v[V - 1] = load_part(p + (V - 1) * lanes, count - (V - 1) * lanes);
    return r;
  }
  void store_all(float* p, int count) const {
    for (int i = 0; i + 1 < V; ++i) store(p + i * lanes, v[i]);
    store_part(p + (V - 1) * lanes, v[V - 1], count - (V - 1) * lanes);
  }
};

// The same columns of `rows` rows, brought together from a state, or zeros where there is none; and put back.
template <int V>
void take_columns(float* block, const float* state, int64_t stride, int rows, int count) {
  for (int r = 0; r < rows; ++r, block += V * lanes) {
    const auto row = state ? Columns<V>::load_all(state + r * stride, count) : Columns<V>::splat_all(0);
    row.store_all(block, V * lanes);
  }
}
template <int V>
void put_columns(float* state, const float* block, int64_t stride, int rows, int count) {
  if (!state) return;
  for (int r = 0; r < rows; ++r, block += V * lanes) {
    Columns<V>::load_all(block, V * lanes).store_all(state + r * stride, count);
  }
}

// Calls walk.run<V>(first, count) for columns [first, first + count), as many at once as registers hold.
template <class Walk>
void each_columns(int first, int count, const Walk& walk) {
  for (int end = first + count; first < end; first += column_block) {
    const int n = end - first < column_block ? end - first : column_block;
    const int vectors = (n + lanes - 1) / lanes;
    if (vectors == 1) walk.template run<1>(first, n);
    if (vectors == 2) walk.template run<2>(first, n);
    if (vectors == 3) walk.template run<3>(first, n);
    if (vectors == 4) walk.template run<4>(first, n);
  }
}

}  // namespace
}  // namespace deadlift::DEADLIFT_ISA

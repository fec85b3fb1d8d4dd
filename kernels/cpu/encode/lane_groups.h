// Blocks of 256 values as the searches of the K-quants take them: of ordinary size, a group of neighbours in each lane.
//
// Sums run within lanes then, from value to value, and are written without fma: every instruction set gets the same
// bytes, and a file does not depend on the machine that wrote it.

#pragma once

namespace deadlift::DEADLIFT_ISA {
namespace {

// A power of two that brings the largest magnitude of 256 values near 1: squares neither overflow nor vanish.
inline float ordinary(const float* values) {
  vec most = zero();
  for (int i = 0; i < 256; i += lanes) most = max(most, max(load(values + i), sub(zero(), load(values + i))));
  const uint32_t exponent = float_to_bits(largest(most)) >> 23;
  return bits_to_float((254 - (exponent < 1 ? 1 : exponent > 253 ? 253 : exponent)) << 23);
}

// Up to sixteen groups of `size` values, of one block or of two.
template <int size>
struct LaneGroups {
  static constexpr int most = 16, per_block = 256 / size, most_blocks = most / per_block;
  static_assert(most % lanes == 0);

  int count = 0;                         // of groups that are there, from the first lane on
  alignas(64) float x[size][most] = {};  // value i of each group, times the `factor` of its block
  alignas(64) float w[size][most];       // what its squared error weighs
  float factor[most_blocks];             // powers of two

  LaneGroups() {
    for (auto& weights : w) {
      for (float& weight : weights) weight = 1;
    }
  }

  int blocks() const { return count / per_block; }
  vec value(int i, int lane) const { return load(&x[i][lane]); }
  vec weight(int i, int lane) const { return load(&w[i][lane]); }

  // n values, in whole blocks; `importance` is there always or never.
  void read(const float* values, const float* importance, int n) {
    count = n / size;
    for (int b = 0; b < blocks(); ++b) {
      factor[b] = ordinary(values + 256 * b);
      spread(values + 256 * b, factor[b], 0, x, b);
      // No value counts for nothing: some codes have to be the best.
      if (importance) spread(importance + 256 * b, ordinary(importance + 256 * b), 0x1p-30f, w, b);
    }
  }

  static void spread(const float* from, float by, float more, float (*to)[most], int b) {
    for (int j = 0; j < per_block; ++j) {
      for (int i = 0; i < size; ++i) to[i][b * per_block + j] = from[j * size + i] * by + more;
    }
  }
};

// Lets a search fit all blocks of n values, as many at once as it can.
template <class Search, class Write>
void each_fit(const float* values, const float* importance, int n, Write write) {
  constexpr int at_once = 256 * Search::Groups::most_blocks;
  Search search;
  for (int first = 0; first < n; first += at_once) {
    const int count = n - first < at_once ? n - first : at_once;
    search.run(values + first, importance ? importance + first : nullptr, count);
    for (int b = 0; b < count / 256; ++b) write(search.fits[b]);
  }
}

// Whole steps around the nearest one, which comes first.
constexpr float neighbours[] = {0, -1, 1};

// 1 / a, or 0 where a is next to nothing among values of ordinary size.
inline vec inverse_of(vec a) { return where_less(splat(0x1p-120f), max(a, sub(zero(), a)), div(splat(1), a), zero()); }

// The half for a step between levels: finite, and 0 only for 0.
inline float half_step(float wanted) {
  uint8_t half[2];
  store_f16_part(half, min(max(splat(wanted), splat(-65504)), splat(65504)), 1);
  const float nearest = half_to_float(half);
  return nearest != 0 || wanted == 0 ? nearest : wanted > 0 ? 0x1p-24f : -0x1p-24f;
}

}  // namespace
}  // namespace deadlift::DEADLIFT_ISA

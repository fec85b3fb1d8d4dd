// Finds the points of a grid that are nearest to the parts of a block: exactly, and for many parts at once.
//
// A part is eight (or four) neighbours that share a point. Under a scale s, a point p costs, against all zeros,
//   sum of w * ((x - s * p)^2 - x^2) = sum of s * p * (w * s * p - 2 * w * x),
// which is what its lower half costs and what its upper half costs. There are 81 (or 64) of either, so that two small
// tables hold all that is to be added. A lane works for one part alone, in the order of values and points, and without
// fma: the same bits on every instruction set.

#pragma once

#include "kernels/cpu/quants/iq_grids.h"

namespace deadlift::DEADLIFT_ISA {
namespace {
namespace lattice {

// Parts that are searched for together, however many lanes there are: what is read for a point serves them all.
constexpr int stripe = 32, stripe_vecs = stripe / lanes;

// A block by columns: one for each part. `Type`: see point_block.h.
template <class Type>
struct Parts {
  static constexpr int count = 256 / Type::values, groups = 256 / Type::group, in_group = count / groups;

  alignas(64) float weights[Type::values][count];
  alignas(64) float products[Type::values][count];  // of weights and values
};

// What the points of the parts are multiplied with, and what is added to all their values before.
template <class Type>
struct Scales {
  alignas(64) float scales[Parts<Type>::count];
  alignas(64) float shifts[Parts<Type>::count];
};

template <class Type>
struct Points {
  alignas(64) float costs[Parts<Type>::count];
  uint16_t numbers[Parts<Type>::count];
};

// Value i of the parts from `at` on, by lanes.
struct Value {
  vec scale, shift, weight, twice;

  template <class Type>
  Value(const Parts<Type>& parts, const Scales<Type>& under, int i, int at)
      : scale(load(under.scales + at)), shift(load(under.shifts + at)), weight(load(parts.weights[i] + at)) {
    const vec product = load(parts.products[i] + at);
    twice = add(product, product);
  }

  // What it costs where its point has this level.
  vec cost(int8_t level) const {
    const vec value = mul(add(splat(level), shift), scale);
    return mul(value, sub(mul(value, weight), twice));
  }
};

// What each part would cost if the grid had every point.
template <class Type>
void find_bounds(const Parts<Type>& parts, const Scales<Type>& under, float* costs) {
  for (int at = 0; at < parts.count; at += lanes) {
    vec sum = zero();
    for (int i = 0; i < Type::values; ++i) {
      const Value value(parts, under, i, at);
      vec least = splat(INFINITY);
      for (const int8_t level : Type::levels) least = min(least, value.cost(level));
      sum = add(sum, least);
    }
    store(costs + at, sum);
  }
}

// What each half that begins with value `first` costs, for the stripe that begins with part `at`.
template <class Type>
void cost_halves(const Parts<Type>& parts, const Scales<Type>& under, int first, int at, float* table) {
  constexpr int levels = sizeof(Type::levels);
  for (int lane = 0; lane < stripe; lane += lanes) {
    store(table + lane, zero());
    for (int i = first, n = 1; i < first + Type::values / 2; ++i, n *= levels) {
      const Value value(parts, under, i, at + lane);
      for (int level = levels - 1; level >= 0; --level) {  // the lowest one last, in place
        const vec cost = value.cost(Type::levels[level]);
        float* const to = table + level * n * stripe + lane;
        for (int k = 0; k < n; ++k) store(to + k * stripe, add(load(table + k * stripe + lane), cost));
      }
    }
  }
}

// For each part of a stripe the upper half of the point that costs least, and what it costs; the first of equals.
template <class Type>
void find_halves(const float* lower, const float* upper, float* found, float* costs) {
  constexpr const auto& halves = Type::halves;
  vec best[stripe_vecs], best_half[stripe_vecs], least[stripe_vecs];
  for (int i = 0; i < stripe_vecs; ++i) best[i] = splat(INFINITY), best_half[i] = zero();
  const uint8_t* point = halves.lower;
  for (int half = 0; half < halves.halves; ++half, upper += stripe) {
    const uint8_t* const end = halves.lower + halves.first[half + 1];
    if (point == end) continue;
    for (int i = 0; i < stripe_vecs; ++i) least[i] = splat(INFINITY);
    for (; point < end; ++point) {
      for (int i = 0; i < stripe_vecs; ++i) least[i] = min(least[i], load(lower + *point * stripe + i * lanes));
    }
    for (int i = 0; i < stripe_vecs; ++i) {
      const vec cost = add(least[i], load(upper + i * lanes));
      best_half[i] = where_less(cost, best[i], splat(static_cast<float>(half)), best_half[i]);
      best[i] = min(best[i], cost);
    }
  }
  for (int i = 0; i < stripe_vecs; ++i) store(found + i * lanes, best_half[i]), store(costs + i * lanes, best[i]);
}

template <class Type>
void find_nearest(const Parts<Type>& parts, const Scales<Type>& under, Points<Type>& points) {
  constexpr const auto& halves = Type::halves;
  alignas(64) float lower[halves.halves * stripe], upper[halves.halves * stripe], found[stripe];
  for (int at = 0; at < parts.count; at += stripe) {
    cost_halves(parts, under, 0, at, lower);
    cost_halves(parts, under, Type::values / 2, at, upper);
    find_halves<Type>(lower, upper, found, points.costs + at);
    for (int lane = 0; lane < stripe; ++lane) {
      const int half = static_cast<int>(found[lane]);
      int n = halves.first[half];
      while (lower[halves.lower[n] * stripe + lane] + upper[half * stripe + lane] != points.costs[at + lane]) ++n;
      points.numbers[at + lane] = static_cast<uint16_t>(n);
    }
  }
}

}  // namespace lattice
}  // namespace
}  // namespace deadlift::DEADLIFT_ISA

// The search behind IQ1_S to IQ3_S: 256 values as d * step * sign * (point + shift) with the smallest weighted squared
// error.
//
// Each group of values first finds the scale it would like: of many, the few are tried that would be best if the grid
// had every point, and each moves to the optimum of the points it gives. Then d is chosen so that its steps come close
// to the wishes, each group takes the better of the steps around its wish, and d moves to the optimum of all that.

#pragma once

#include "kernels/cpu/encode/nearest_points.h"
#include "kernels/cpu/encode/point_block.h"

namespace deadlift::DEADLIFT_ISA {
namespace {
namespace lattice {

template <class Type>
struct Wishes {
  float scales[Parts<Type>::groups];
  float squares[Parts<Type>::groups];  // of the points under them, weighted
};

template <class Type>
struct Fit {
  float d;
  float gain;  // by which it lowers the squared error of zeros
  uint8_t steps[Parts<Type>::groups];
  uint8_t signs[32];
  Scales<Type> under;
  Points<Type> points;
};

template <class Type>
float multiple(int step) {
  return static_cast<float>(2 * step + 1) * Type::unit;
}

template <class Type>
void set_scale(Scales<Type>& under, int group, float scale) {
  constexpr int in_group = Parts<Type>::in_group;
  for (int part = group * in_group; part < (group + 1) * in_group; ++part) under.scales[part] = scale;
}

template <class Type>
void set_shifts(Scales<Type>& under, float shift) {
  for (float& one : under.shifts) one = shift;
}

inline float sum_of(const float* costs, int count) {
  float sum = 0;
  for (int i = 0; i < count; ++i) sum += costs[i];
  return sum;
}

template <class Type>
float cost_of_group(const Points<Type>& points, int group) {
  return sum_of(points.costs + group * Parts<Type>::in_group, Parts<Type>::in_group);
}

// The points of a group, weighted: times the values, and times themselves.
struct Sums {
  float product, square;
};

template <class Type>
Sums sums_of(const Block<Type>& block, const Scales<Type>& under, const Points<Type>& points, int group) {
  Sums sums = {0, 0};
  for (int part = group * block.in_group; part < (group + 1) * block.in_group; ++part) {
    const auto point = Type::grid.at[points.numbers[part]];
    for (int i = 0; i < Type::values; ++i) {
      const float value = static_cast<float>(static_cast<int8_t>(point >> 8 * i)) + under.shifts[part];
      sums.product += block.products[i][part] * value;
      sums.square += block.weights[i][part] * value * value;
    }
  }
  return sums;
}

template <class Type>
void take_points(Points<Type>& to, const Points<Type>& from, int first, int count) {
  for (int part = first; part < first + count; ++part) {
    to.costs[part] = from.costs[part], to.numbers[part] = from.numbers[part];
  }
}

// The nearest points, where they can be shifted to the better side.
template <class Type>
void find_shifted(const Block<Type>& block, Scales<Type>& under, Points<Type>& points) {
  set_shifts(under, Type::shift);
  find_nearest(block, under, points);
  if constexpr (Type::shift != 0) {
    constexpr int together = Type::parts_of_shift;
    Scales<Type> down = under;
    Points<Type> other;
    set_shifts(down, -Type::shift);
    find_nearest(block, down, other);
    for (int part = 0; part < block.count; part += together) {
      if (!(sum_of(other.costs + part, together) < sum_of(points.costs + part, together))) continue;
      take_points(points, other, part, together);
      for (int i = part; i < part + together; ++i) under.shifts[i] = -Type::shift;
    }
  }
}

// What each group would cost under its guess times a factor, if the grid had every point.
template <class Type>
void bound_groups(const Block<Type>& block, float factor, float* bounds) {
  constexpr int together = Type::parts_of_shift;
  Scales<Type> under;
  float up[Block<Type>::count], down[Block<Type>::count];
  for (int group = 0; group < block.groups; ++group) set_scale(under, group, block.guesses[group] * factor);
  set_shifts(under, Type::shift);
  find_bounds(block, under, up);
  if constexpr (Type::shift != 0) {
    set_shifts(under, -Type::shift);
    find_bounds(block, under, down);
  }
  for (int group = 0; group < block.groups; ++group) bounds[group] = 0;
  for (int part = 0; part < block.count; part += together) {
    const float above = sum_of(up + part, together);
    const float below = Type::shift != 0 ? sum_of(down + part, together) : above;
    bounds[part / block.in_group] += below < above ? below : above;
  }
}

// The scale that each group would like, and with which shifts.
template <class Type>
void wish_scales(const Block<Type>& block, Wishes<Type>& wishes, Scales<Type>& under) {
  constexpr int factors = 12, groups = Block<Type>::groups;
  float factor[factors], bounds[factors][groups], gains[groups];
  for (int n = 0; n < factors; ++n) {  // a third of the guess to twice the guess
    factor[n] = n == 0 ? 0.35f : factor[n - 1] * 1.17f;
    bound_groups(block, factor[n], bounds[n]);
  }
  for (int round = 0; round < Type::tried; ++round) {
    Scales<Type> tried;
    Points<Type> points;
    for (int group = 0; group < groups; ++group) {
      int best = 0;
      for (int n = 1; n < factors; ++n) best = bounds[n][group] < bounds[best][group] ? n : best;
      bounds[best][group] = INFINITY;  // not again
      set_scale(tried, group, block.guesses[group] * factor[best]);
    }
    find_shifted(block, tried, points);
    for (int group = 0; group < groups; ++group) {
      const Sums sums = sums_of(block, tried, points, group);
      const float scale = sums.product > 0 ? sums.product / sums.square : 0, gain = scale * sums.product;
      if (round > 0 && !(gain > gains[group])) continue;
      gains[group] = gain, wishes.scales[group] = scale, wishes.squares[group] = sums.square;
      const int first = group * block.in_group;
      memcpy(under.shifts + first, tried.shifts + first, sizeof(float) * block.in_group);
    }
  }
}

// The nearest F16, but no infinity, and zero only for zero.
inline float fitting_half(float value) {
  uint8_t half[2];
  store_f16_part(half, splat(value < 65504 ? value : 65504), 1);
  const float nearest = half_to_float(half);
  return nearest == 0 && value > 0 ? 0x1p-24f : nearest;
}

// The highest step that is no more than a scale, if there is one.
template <class Type>
int step_below(float scale, float d) {
  const float step = (scale / (d * Type::unit) - 1) / 2;
  return step >= Type::highest ? Type::highest : step > 0 ? static_cast<int>(step) : 0;
}

// The d under which steps are closest to the wishes; the largest of them meets one near the highest.
template <class Type>
float choose_d(const Block<Type>& block, const Wishes<Type>& wishes) {
  constexpr int tries = 32;
  float largest = 0, chosen = 0, least = INFINITY;
  for (const float scale : wishes.scales) largest = scale > largest ? scale : largest;
  if (largest == 0) return 0;
  for (int n = 0; n < tries; ++n) {
    const float highest = multiple<Type>(Type::highest) * (0.8f + 0.5f / tries * static_cast<float>(n));
    const float d = fitting_half(largest / highest / block.inverse), inner = d * block.inverse;
    float error = 0;
    for (int group = 0; group < block.groups; ++group) {
      const int step = step_below<Type>(wishes.scales[group] + inner * Type::unit, inner);  // the nearest
      const float rest = wishes.scales[group] - inner * multiple<Type>(step);
      error += wishes.squares[group] * rest * rest;
    }
    if (error < least) least = error, chosen = d;
  }
  return chosen;
}

// The nearest points under the steps of a fit.
template <class Type>
void find_points(const Block<Type>& block, Fit<Type>& fit) {
  for (int group = 0; group < block.groups; ++group) {
    set_scale(fit.under, group, fit.d * block.inverse * multiple<Type>(fit.steps[group]));
  }
  find_nearest(block, fit.under, fit.points);
  fit.gain = -sum_of(fit.points.costs, block.count);
}

// For each group the better of the two steps around its wish.
template <class Type>
void fit_wishes(const Block<Type>& block, const Wishes<Type>& wishes, Fit<Type>& fit) {
  for (int group = 0; group < block.groups; ++group) {
    fit.steps[group] = static_cast<uint8_t>(step_below<Type>(wishes.scales[group], fit.d * block.inverse));
  }
  Fit<Type> above = fit;
  for (uint8_t& step : above.steps) step = step < Type::highest ? static_cast<uint8_t>(step + 1) : step;
  find_points(block, fit);
  find_points(block, above);
  for (int group = 0; group < block.groups; ++group) {
    if (!(cost_of_group(above.points, group) < cost_of_group(fit.points, group))) continue;
    fit.steps[group] = above.steps[group];
    take_points(fit.points, above.points, group * block.in_group, block.in_group);
  }
  fit.gain = -sum_of(fit.points.costs, block.count);
}

// The best d for the steps and points of a fit.
template <class Type>
float refit(const Block<Type>& block, const Fit<Type>& fit) {
  Sums all = {0, 0};
  for (int group = 0; group < block.groups; ++group) {
    const Sums sums = sums_of(block, fit.under, fit.points, group);
    const float step = multiple<Type>(fit.steps[group]);
    all.product += step * sums.product, all.square += step * step * sums.square;
  }
  return all.product > 0 ? fitting_half(all.product / all.square / block.inverse) : 0;
}

// Fits 256 values; `importance` weighs their squared errors and may be null. Returns whether that is better than zeros.
template <class Type>
bool fit_points(const float* values, const float* importance, Fit<Type>& fit) {
  Block<Type> block;
  Wishes<Type> wishes;
  prepare(values, importance, block);
  if (Type::signs != Signs::of_points) take_signs(block, fit.signs);
  wish_scales(block, wishes, fit.under);
  fit.d = choose_d(block, wishes);
  if (fit.d == 0) return false;
  fit_wishes(block, wishes, fit);
  Fit<Type> again = fit;
  again.d = refit(block, fit);
  if (again.d > 0 && again.d != fit.d) {
    find_points(block, again);
    if (again.gain > fit.gain) fit = again;
  }
  return fit.gain > 0;
}

// Writes fits of 256 values by the type's `put`, over zeros; all zeros where nothing is better.
template <class Type>
void encode_blocks(const float* values, const float* importance, int n, uint8_t* out) {
  for (int at = 0; at < n; at += 256, out += Type::bytes) {
    Fit<Type> fit;
    memset(out, 0, Type::bytes);
    if (fit_points(values + at, importance ? importance + at : nullptr, fit)) Type::put(fit, out);
  }
}

}  // namespace lattice
}  // namespace
}  // namespace deadlift::DEADLIFT_ISA

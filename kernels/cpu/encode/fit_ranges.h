// The search behind Q2_K, Q4_K and Q5_K: 256 values as d * s * q - dmin * m with the smallest weighted squared error.
//
// Each group first finds the line it would like, from several slopes. Then d and dmin are chosen for the block, each
// group takes the best of the steps nearest to its wish, d and dmin move to the optimum of what was chosen, and groups
// choose once more. The same as src/quants/fit_ranges.ts, in f32.

#pragma once

#include "kernels/cpu/encode/lane_groups.h"

namespace deadlift::DEADLIFT_ISA {
namespace {

// One block. Steps are halves.
template <int size>
struct RangeFit {
  float d, dmin, error;
  uint8_t scales[256 / size], leasts[256 / size];
  uint8_t codes[256];
};

template <int size, int highest, int highest_scale>
struct RangeSearch {
  using Groups = LaneGroups<size>;
  using Fit = RangeFit<size>;
  using Row = float[Groups::most];  // a number for each group

  // Of codes and values, with the weights in each.
  struct Sums {
    vec q, qq, xq;
  };
  // x = scale * q + offset, the sum of its codes, and by how much it lowers the squared error against all zeros.
  struct Line {
    vec scale, offset, q, gain;
  };

  Groups groups;                         // whose values are less the lowest of their group
  alignas(64) Row low, weight, total;    // that lowest or 0; sums of the weights and of the weighted values
  alignas(64) Row scale, least, middle;  // what a group wishes, and the mean of its codes
  alignas(64) Row d, dmin;               // of the block, as large as the values are
  alignas(64) Row s, m, error;           // what a group takes of these, and its error
  alignas(64) Row q, qq, xq;             // the sums of its codes
  Fit fits[Groups::most_blocks];

  // Fits the first n values, whole blocks.
  void run(const float* values, const float* importance, int n) {
    groups.read(values, importance, n);
    each_lane([&](int lane) { wish(lane, settle(lane)); });
    each_block([&](int b, int j) { first_steps(b, j); });
    each_lane([&](int lane) { choose(lane); });
    each_block([&](int b, int j) { keep(b, j); });
    each_lane([&](int lane) { tally(lane); });
    each_block([&](int b, int j) { optimal_steps(b, j); });
    each_lane([&](int lane) { choose(lane); });
    each_block([&](int b, int j) {
      keep(b, j);
      round_codes(values + 256 * b, b);
    });
  }

  template <class Work>
  void each_lane(Work work) {
    for (int lane = 0; lane < groups.count; lane += lanes) work(lane);
  }
  // `j` is the block's first group.
  template <class Work>
  void each_block(Work work) {
    for (int b = 0; b < groups.blocks(); ++b) work(b, b * Groups::per_block);
  }

  // Lowers the values of groups to their least; returns the greatest that is left.
  vec settle(int lane) {
    vec lowest = zero(), greatest = groups.value(0, lane), weights = zero(), values = zero();
    for (int i = 0; i < size; ++i) {
      lowest = min(lowest, groups.value(i, lane)), greatest = max(greatest, groups.value(i, lane));
    }
    for (int i = 0; i < size; ++i) {
      const vec x = sub(groups.value(i, lane), lowest), w = groups.weight(i, lane);
      store(&groups.x[i][lane], x);
      weights = add(weights, w), values = add(values, mul(w, x));
    }
    store(low + lane, lowest), store(weight + lane, weights), store(total + lane, values);
    return sub(greatest, lowest);
  }

  // The line of the best of several slopes, each at the optimum of the codes it gives.
  void wish(int lane, vec range) {
    Line best = {zero(), zero(), zero(), zero()};
    const vec inverse = inverse_of(range);
    for (int step = -4; step <= 4; ++step) {
      const vec slope = mul(splat(highest + 0.25f * static_cast<float>(step)), inverse);
      improve(best, optimal_line(lane, sums_of(lane, zero(), slope)));
    }
    improve(best, optimal_line(lane, sums_of(lane, sub(zero(), best.offset), inverse_of(best.scale))));
    store(scale + lane, best.scale);
    store(least + lane, max(sub(sub(zero(), load(low + lane)), best.offset), zero()));
    store(middle + lane, mul(best.q, inverse_of(load(weight + lane))));
  }

  static void improve(Line& best, const Line& line) {
    best.scale = where_less(best.gain, line.gain, line.scale, best.scale);
    best.offset = where_less(best.gain, line.gain, line.offset, best.offset);
    best.q = where_less(best.gain, line.gain, line.q, best.q);
    best.gain = max(best.gain, line.gain);
  }

  static vec code(vec above, vec inverse) { return round(min(max(mul(above, inverse), zero()), splat(highest))); }

  Sums sums_of(int lane, vec shift, vec inverse) const {
    Sums sums = {zero(), zero(), zero()};
    for (int i = 0; i < size; ++i) {
      const vec x = groups.value(i, lane), number = code(add(x, shift), inverse);
      const vec weighted = mul(groups.weight(i, lane), number);
      sums.q = add(sums.q, weighted), sums.qq = add(sums.qq, mul(weighted, number));
      sums.xq = add(sums.xq, mul(weighted, x));
    }
    return sums;
  }

  // The best line for given codes. Codes that are all the same, but for rounding, tell no slope: then it is level with
  // the lowest value.
  Line optimal_line(int lane, const Sums& sums) const {
    const vec w = load(weight + lane), x = load(total + lane);
    const vec all = mul(w, sums.qq), spread = sub(all, mul(sums.q, sums.q));
    const vec divisor = where_less(mul(splat(1e-6f), all), spread, spread, splat(INFINITY));
    const vec free = div(sub(mul(sums.qq, x), mul(sums.q, sums.xq)), divisor);
    const vec offset = min(free, sub(zero(), load(low + lane)));  // least values are not negative
    const vec rest = sub(sums.xq, mul(offset, sums.q));
    const vec slope = max(div(rest, where_less(zero(), sums.qq, sums.qq, splat(INFINITY))), zero());
    const vec gain = add(mul(offset, sub(add(x, x), mul(offset, w))), mul(slope, rest));
    return {slope, offset, sums.q, gain};
  }

  void first_steps(int b, int j) {
    float most_scale = 0, most_least = 0;
    for (int i = j; i < j + Groups::per_block; ++i) {
      most_scale = scale[i] > most_scale ? scale[i] : most_scale;
      most_least = least[i] > most_least ? least[i] : most_least;
    }
    fits[b].error = INFINITY;
    take_steps(b, j, most_scale / highest_scale, most_least / highest_scale);
  }

  void take_steps(int b, int j, float step, float step_least) {
    const float factor = groups.factor[b];
    step = half_step(step / factor) * factor, step_least = half_step(step_least / factor) * factor;
    for (int i = j; i < j + Groups::per_block; ++i) d[i] = step, dmin[i] = step_least;
  }

  // The best of the steps of d nearest to the wish, each with the line through the middle of the group.
  void choose(int lane) {
    const vec step = load(d + lane), step_least = load(dmin + lane);
    const vec per_least = inverse_of(step_least), mean_code = load(middle + lane);
    const vec mean = add(mul(load(total + lane), inverse_of(load(weight + lane))), load(low + lane));
    const vec nearest = round(mul(load(scale + lane), inverse_of(step)));
    vec best_s = zero(), best_m = zero(), best = splat(INFINITY);
    for (const float off : neighbours) {
      const vec steps = within(add(nearest, splat(off))), slope = mul(steps, step);
      const vec leasts = within(round(mul(sub(mul(slope, mean_code), mean), per_least)));
      const vec errors = error_of(lane, slope, mul(leasts, step_least));
      best_s = where_less(errors, best, steps, best_s), best_m = where_less(errors, best, leasts, best_m);
      best = min(errors, best);
    }
    store(s + lane, best_s), store(m + lane, best_m), store(error + lane, best);
  }

  static vec within(vec steps) { return max(min(steps, splat(highest_scale)), zero()); }

  vec error_of(int lane, vec slope, vec least) const {
    const vec shift = add(least, load(low + lane)), inverse = inverse_of(slope);
    vec sum = zero();
    for (int i = 0; i < size; ++i) {
      const vec x = add(groups.value(i, lane), shift);
      const vec rest = sub(x, mul(slope, code(x, inverse)));
      sum = add(sum, mul(mul(groups.weight(i, lane), rest), rest));
    }
    return sum;
  }

  // Takes what the groups of a block chose if it is better than what they chose before.
  void keep(int b, int j) {
    float sum = 0;
    for (int i = 0; i < Groups::per_block; ++i) sum += error[j + i];
    Fit& fit = fits[b];
    if (!(sum < fit.error)) return;
    fit.error = sum, fit.d = d[j], fit.dmin = dmin[j];
    for (int i = 0; i < Groups::per_block; ++i) {
      fit.scales[i] = static_cast<uint8_t>(s[j + i]), fit.leasts[i] = static_cast<uint8_t>(m[j + i]);
    }
  }

  void tally(int lane) {
    const vec slope = mul(load(s + lane), load(d + lane)), least = mul(load(m + lane), load(dmin + lane));
    const Sums sums = sums_of(lane, add(least, load(low + lane)), inverse_of(slope));
    store(q + lane, sums.q), store(qq + lane, sums.qq), store(xq + lane, sums.xq);
  }

  // The d and dmin that suit the chosen s, m and codes best, unless one would be negative.
  void optimal_steps(int b, int j) {
    double ss = 0, sm = 0, mm = 0, xs = 0, xm = 0;
    for (int i = j; i < j + Groups::per_block; ++i) {
      ss += s[i] * s[i] * qq[i], sm += s[i] * m[i] * q[i], mm += m[i] * m[i] * weight[i];
      xs += s[i] * (xq[i] + low[i] * q[i]), xm += m[i] * (total[i] + low[i] * weight[i]);
    }
    const double determinant = ss * mm - sm * sm;
    const double step = determinant > 0 ? (xs * mm - xm * sm) / determinant : ss > 0 ? xs / ss : 0;
    const double step_least = determinant > 0 ? (xs * sm - xm * ss) / determinant : 0;
    if (step >= 0 && step_least >= 0) take_steps(b, j, static_cast<float>(step), static_cast<float>(step_least));
  }

  void round_codes(const float* values, int b) {
    Fit& fit = fits[b];
    const vec factor = splat(groups.factor[b]);
    for (int j = 0; j < Groups::per_block; ++j) {
      const vec inverse = inverse_of(splat(fit.d * fit.scales[j])), shift = splat(fit.dmin * fit.leasts[j]);
      for (int i = j * size; i < (j + 1) * size; i += lanes) {
        store_u8(fit.codes + i, code(add(mul(load(values + i), factor), shift), inverse));
      }
    }
    fit.d /= groups.factor[b], fit.dmin /= groups.factor[b];
  }
};

}  // namespace
}  // namespace deadlift::DEADLIFT_ISA

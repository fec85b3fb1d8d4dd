// The search behind Q3_K and Q6_K: 256 values as d * s * q, 16 groups of one s each, codes q on both sides of 0, with
// the smallest weighted squared error.
//
// The steps of fit_ranges.h without least values. The same as src/quants/fit_centred.ts, in f32.

#pragma once

#include "kernels/cpu/encode/lane_groups.h"

namespace deadlift::DEADLIFT_ISA {
namespace {

// One block. The step is a half; codes are above the lowest, -middle.
struct CentredFit {
  float d, error;
  int8_t scales[16];
  uint8_t codes[256];
};

// Codes go from -middle to middle - 1, scales from -middle_scale to middle_scale - 1.
template <int middle, int middle_scale>
struct CentredSearch {
  static constexpr int size = 16;  // of a group
  using Groups = LaneGroups<size>;
  using Fit = CentredFit;
  using Row = float[Groups::most];  // a number for each group

  // Of codes and values, with the weights in each.
  struct Sums {
    vec qq, xq;
  };

  Groups groups;
  alignas(64) Row scale;     // what a group wishes
  alignas(64) Row s, error;  // what it takes of the block's steps, and its error
  alignas(64) Row qq, xq;    // the sums of its codes
  float d;                   // as large as the values are
  Fit fits[1];

  // Fits one block.
  void run(const float* values, const float* importance, int n) {
    groups.read(values, importance, n);
    each_lane([&](int lane) { wish(lane); });
    first_step();
    each_lane([&](int lane) { choose(lane); });
    keep();
    each_lane([&](int lane) { tally(lane); });
    optimal_step();
    each_lane([&](int lane) { choose(lane); });
    keep();
    round_codes(values);
  }

  template <class Work>
  static void each_lane(Work work) {
    for (int lane = 0; lane < Groups::most; lane += lanes) work(lane);
  }

  // The best of several scales that put the largest value near either end, each at the optimum of the codes it gives.
  void wish(int lane) {
    vec largest = zero(), magnitude = zero();
    for (int i = 0; i < size; ++i) {
      const vec x = groups.value(i, lane), absolute = max(x, sub(zero(), x));
      largest = where_less(magnitude, absolute, x, largest), magnitude = max(magnitude, absolute);
    }
    vec best = zero(), best_gain = zero();
    const auto improve = [&](vec inverse) {
      const Sums sums = sums_of(lane, inverse);
      const vec optimum = div(sums.xq, where_less(zero(), sums.qq, sums.qq, splat(INFINITY)));
      const vec gain = mul(optimum, sums.xq);
      best = where_less(best_gain, gain, optimum, best), best_gain = max(best_gain, gain);
    };
    constexpr float ends[] = {-middle, middle - 1};
    const vec inverse = inverse_of(largest);
    for (const float end : ends) {
      for (int step = -2; step <= 2; ++step) {
        improve(mul(splat(end + static_cast<float>(step) / 2), inverse));
      }
    }
    improve(inverse_of(best));
    store(scale + lane, best);
  }

  static vec code(vec x, vec inverse) { return round(max(min(mul(x, inverse), splat(middle - 1)), splat(-middle))); }

  Sums sums_of(int lane, vec inverse) const {
    Sums sums = {zero(), zero()};
    for (int i = 0; i < size; ++i) {
      const vec x = groups.value(i, lane), q = code(x, inverse), wq = mul(groups.weight(i, lane), q);
      sums.qq = add(sums.qq, mul(wq, q)), sums.xq = add(sums.xq, mul(wq, x));
    }
    return sums;
  }

  // The side of the scales that reaches further is for the largest.
  void first_step() {
    float most = 0;
    for (const float one : scale) most = fabsf(one) > fabsf(most) ? one : most;
    fits[0].error = INFINITY;
    take_step(most / -middle_scale);
  }

  void take_step(float step) { d = half_step(step / groups.factor[0]) * groups.factor[0]; }

  // The best of the steps nearest to the wish.
  void choose(int lane) {
    const vec nearest = round(mul(load(scale + lane), inverse_of(splat(d))));
    vec best_s = zero(), best = splat(INFINITY);
    for (const float off : neighbours) {
      const vec steps = max(min(add(nearest, splat(off)), splat(middle_scale - 1)), splat(-middle_scale));
      const vec errors = error_of(lane, mul(steps, splat(d)));
      best_s = where_less(errors, best, steps, best_s), best = min(errors, best);
    }
    store(s + lane, best_s), store(error + lane, best);
  }

  vec error_of(int lane, vec slope) const {
    const vec inverse = inverse_of(slope);
    vec sum = zero();
    for (int i = 0; i < size; ++i) {
      const vec x = groups.value(i, lane), rest = sub(x, mul(slope, code(x, inverse)));
      sum = add(sum, mul(mul(groups.weight(i, lane), rest), rest));
    }
    return sum;
  }

  // Takes what the groups chose if it is better than what they chose before.
  void keep() {
    float sum = 0;
    for (const float one : error) sum += one;
    Fit& fit = fits[0];
    if (!(sum < fit.error)) return;
    fit.error = sum, fit.d = d;
    for (int j = 0; j < Groups::most; ++j) fit.scales[j] = static_cast<int8_t>(s[j]);
  }

  void tally(int lane) {
    const Sums sums = sums_of(lane, inverse_of(mul(load(s + lane), splat(d))));
    store(qq + lane, sums.qq), store(xq + lane, sums.xq);
  }

  // The d that suits the chosen scales and codes best.
  void optimal_step() {
    double ss = 0, xs = 0;
    for (int j = 0; j < Groups::most; ++j) ss += s[j] * s[j] * qq[j], xs += s[j] * xq[j];
    if (ss > 0) take_step(static_cast<float>(xs / ss));
  }

  void round_codes(const float* values) {
    Fit& fit = fits[0];
    const vec factor = splat(groups.factor[0]);
    for (int i = 0; i < 256; i += lanes) {
      const vec inverse = inverse_of(splat(fit.d * fit.scales[i / size]));
      store_u8(fit.codes + i, add(code(mul(load(values + i), factor), inverse), splat(middle)));
    }
    fit.d /= groups.factor[0];
  }
};

}  // namespace
}  // namespace deadlift::DEADLIFT_ISA

// Writes IQ4_XS (layout: quants/iq4_xs.h).

#include "kernels/cpu/encode/fit_levels.h"

namespace deadlift::DEADLIFT_ISA {
namespace {

constexpr int iq4_xs_groups = 8;

// Scales of groups as steps of a half that belongs to the block.
struct SteppedFit {
  vec scales;  // as they would be best
  vec d;       // the half, in units
  vec steps;   // -32 to 31
  vec gain;    // of the block: how much less the weighted squared error is than that of zeros
  vec next;    // the d that suits these steps and codes best
};

// Of the three steps nearest to each scale the one that gains most.
SteppedFit round_steps(const Groups& groups, const Rounding& rounding, vec scales, vec wish) {
  const vec d = nearest_halves(wish, groups), nearest = round(mul(scales, inverse_or_zero(d)));
  vec best_step = zero(), best_gain = zero(), products = zero(), squares = zero();
  for (int aside = -1; aside <= 1; ++aside) {
    const vec step = max(min(add(nearest, splat(static_cast<float>(aside))), splat(31)), splat(-32));
    const vec scale = mul(d, step);
    const auto [product, square] = project(groups, rounding, inverse_or_zero(scale));
    const vec gain = mul(scale, sub(add(product, product), mul(scale, square)));
    best_step = where_less(best_gain, gain, step, best_step);
    products = where_less(best_gain, gain, mul(step, product), products);
    squares = where_less(best_gain, gain, mul(mul(step, step), square), squares);
    best_gain = where_less(best_gain, gain, gain, best_gain);
  }
  const vec block_gain = sum_blocks<iq4_xs_groups>(best_gain);
  const vec inverse = inverse_or_zero(sum_blocks<iq4_xs_groups>(squares));
  return {scales, d, best_step, block_gain, mul(sum_blocks<iq4_xs_groups>(products), inverse)};
}

// The same for a d under which the largest scale is -32 steps, whatever its sign.
SteppedFit round_steps(const Groups& groups, const Rounding& rounding, vec scales) {
  const vec most = largest_of_blocks<iq4_xs_groups>(scales);
  const vec least = largest_of_blocks<iq4_xs_groups>(sub(zero(), scales));
  const vec d = mul(where_less(least, most, sub(zero(), most), least), splat(1.0f / 32));
  return round_steps(groups, rounding, scales, d);
}

SteppedFit better(const SteppedFit& a, const SteppedFit& b) {
  const auto of = [&](vec SteppedFit::* one) { return where_less(a.gain, b.gain, b.*one, a.*one); };
  return {of(&SteppedFit::scales), of(&SteppedFit::d), of(&SteppedFit::steps), of(&SteppedFit::gain),
          of(&SteppedFit::next)};
}

// Scales far from all others may cost the block more than they gain their group: near ones are tried, too.
SteppedFit fit_steps(const Groups& groups, const Rounding& rounding) {
  const auto [near, any] = fit_scales(groups, rounding);
  SteppedFit fit = better(round_steps(groups, rounding, near), round_steps(groups, rounding, any));
  for (int i = 0; i < 2; ++i) fit = better(fit, round_steps(groups, rounding, fit.scales, fit.next));
  return fit;
}

// The scale of group g of a block; all are 0 before.
void put_step(int step, int g, uint8_t* block) {
  const int s = step + 32;
  block[2 + g / 4] |= static_cast<uint8_t>(s >> 4 << g % 4 * 2);
  block[4 + g / 2] |= static_cast<uint8_t>((s & 15) << g % 2 * 4);
}

void encode_iq4_xs(const float* values, const float* importance, int n, uint8_t* out) {
  constexpr int size = Groups::size;
  const Rounding rounding(iq4_levels);
  for (int first = 0; first < n / size; first += lanes) {
    const int left = n / size - first, count = left < lanes ? left : lanes, at = first * size;
    const Groups groups = load_groups<iq4_xs_groups>(values + at, importance ? importance + at : nullptr, count);
    const SteppedFit fit = fit_steps(groups, rounding);
    uint8_t halves[2 * lanes], pairs[lanes][size / 2];
    float steps[lanes];
    store_f16_part(halves, mul(fit.d, groups.unit), lanes);
    store(steps, fit.steps);
    put_codes(groups, rounding, mul(fit.d, fit.steps), pairs);
    for (int lane = 0; lane < count; ++lane) {
      const int g = lane % iq4_xs_groups;
      if (g == 0) {
        memcpy(out, halves + 2 * lane, 2);
        memset(out + 2, 0, 6);
      }
      put_step(static_cast<int>(steps[lane]), g, out);
      memcpy(out + 8 + 16 * g, pairs[lane], sizeof pairs[lane]);
      if (g == iq4_xs_groups - 1) out += iq4_xs::bytes;
    }
  }
}

}  // namespace
}  // namespace deadlift::DEADLIFT_ISA

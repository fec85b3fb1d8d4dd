// The search behind IQ4_NL and IQ4_XS, over as many groups at once as there are lanes: scales under which rounding to
// the levels has the smallest weighted squared error.
//
// A group has a lane of its own and its sums go from value to value, so that its bytes are the same whatever `lanes`
// is; for the same reason products are rounded before they are added.

#pragma once

namespace deadlift::DEADLIFT_ISA {
namespace {

inline vec magnitude(vec a) { return max(a, sub(zero(), a)); }
inline vec inverse_or_zero(vec a) { return where_less(zero(), magnitude(a), div(splat(1), a), zero()); }

// Neighbouring values that share a scale, one group a lane. Squares neither overflow nor vanish in units of the block:
// the largest power of two in its values.
struct Groups {
  static constexpr int size = 32;
  vec x[size];         // value i of each group, in units
  vec weights[size];   // of squared errors
  vec products[size];  // of x and weights
  vec largest;         // of the magnitudes, with its sign
  vec unit, inverse;   // inverse: 1 / unit, or 0 where all values are taken for zeros
};

// The sum, or the largest, of the groups of each block, in all their lanes.
template <int groups, class Join>
vec join_blocks(vec a, Join join) {
  float each[lanes];
  store(each, a);
  for (int first = 0; first < lanes; first += groups) {
    float all = each[first];
    for (int g = 1; g < groups; ++g) all = join(all, each[first + g]);
    for (int g = 0; g < groups; ++g) each[first + g] = all;
  }
  return load(each);
}
template <int groups>
vec sum_blocks(vec a) {
  return join_blocks<groups>(a, [](float x, float y) { return x + y; });
}
template <int groups>
vec largest_of_blocks(vec a) {
  return join_blocks<groups>(a, [](float x, float y) { return x > y ? x : y; });
}

// Value i of `count` groups, 0 in the other lanes.
void transpose(const float* values, int count, vec* out) {
  alignas(64) float by_value[Groups::size][lanes] = {};
  for (int g = 0; g < count; ++g) {
    for (int i = 0; i < Groups::size; ++i) by_value[i][g] = values[g * Groups::size + i];
  }
  for (int i = 0; i < Groups::size; ++i) out[i] = load(by_value[i]);
}

// The largest power of two in a magnitude, at most 2^126, so that both it and its inverse are normal numbers.
vec unit_of(vec largest) {
  float each[lanes];
  store(each, largest);
  for (float& one : each) one = bits_to_float(float_to_bits(one) & 0x7f800000u);
  return min(load(each), splat(0x1p126f));
}

// Importance as parts of the largest of the block. No value counts nothing: some scale has to be the best.
template <int groups>
void weigh(const float* importance, int count, Groups& to) {
  vec each[Groups::size];
  transpose(importance, count, each);
  vec largest = zero();
  for (const vec& one : each) largest = max(largest, one);
  largest = largest_of_blocks<groups>(largest);
  for (int i = 0; i < Groups::size; ++i) {
    const vec part = where_less(zero(), largest, div(max(each[i], zero()), largest), splat(1));
    to.weights[i] = mul(to.weights[i], add(part, splat(0x1p-20f)));
  }
}

// `count` groups, of which `groups` each are a block. An error counts by `importance` (null: all the same),
// and more for large values, which lie further from the levels and would otherwise pay for the many small ones: by the
// root of twice the mean square plus the square.
template <int groups>
Groups load_groups(const float* values, const float* importance, int count) {
  Groups to;
  transpose(values, count, to.x);
  to.largest = zero();
  for (const vec& x : to.x) to.largest = where_less(magnitude(to.largest), magnitude(x), x, to.largest);
  to.unit = unit_of(largest_of_blocks<groups>(magnitude(to.largest)));
  // Values this small are zeros under every half.
  to.inverse = where_less(splat(0x1p-40f), to.unit, div(splat(1), to.unit), zero());
  to.largest = mul(to.largest, to.inverse);
  vec squares = zero();
  for (vec& x : to.x) {
    x = mul(x, to.inverse);
    squares = add(squares, mul(x, x));
  }
  const vec mean = mul(sum_blocks<groups>(squares), splat(2.0f / (groups * Groups::size)));
  for (int i = 0; i < Groups::size; ++i) to.weights[i] = square_root(add(mean, mul(to.x[i], to.x[i])));
  if (importance) weigh<groups>(importance, count, to);
  for (int i = 0; i < Groups::size; ++i) to.products[i] = mul(to.weights[i], to.x[i]);
  return to;
}

// Weighted products of the levels that a scale gives with the values, and with themselves.
struct Projection {
  vec product, square;
};

inline Projection project(const Groups& groups, const Rounding& rounding, vec inverse) {
  Projection sums = {zero(), zero()};
  for (int i = 0; i < Groups::size; ++i) {
    const vec level = rounding.levels(mul(groups.x[i], inverse));
    sums.product = add(sums.product, mul(level, groups.products[i]));
    sums.square = add(sums.square, mul(mul(level, level), groups.weights[i]));
  }
  return sums;
}

// What a search has found, in units.
struct Scales {
  vec near;  // the best of those that put the largest magnitude close to an end of the levels
  vec any;   // the best of all
};

// Scales by where they put the largest magnitude, as parts of either end of the levels. Far ones cut it off, or spare
// the ends for more of the small ones; the best is then moved to the optimum for the codes it gives.
Scales fit_scales(const Groups& groups, const Rounding& rounding) {
  constexpr float near_parts[] = {1.08f, 1.04f, 1, 0.96f, 0.92f, 0.88f};
  constexpr float far_parts[] = {0.6f, 0.7f, 0.8f, 1.16f, 1.25f, 1.4f};
  const vec inverse = inverse_or_zero(groups.largest);
  vec scale = zero(), gain = zero();
  const auto improve = [&](vec inverse_scale) {
    const auto [product, square] = project(groups, rounding, inverse_scale);
    // By how much the best scale for these codes lowers the weighted squared error, compared with all zeros.
    const vec other = div(mul(product, product), square);
    scale = where_less(gain, other, div(product, square), scale);
    gain = where_less(gain, other, other, gain);
  };
  const auto improve_by_ends = [&](float part) {
    improve(mul(splat(iq4_levels.number[0] * part), inverse));
    improve(mul(splat(iq4_levels.number[15] * part), inverse));
  };
  for (float part : near_parts) improve_by_ends(part);
  const vec near = scale;
  for (float part : far_parts) improve_by_ends(part);
  improve(inverse_or_zero(scale));
  return {near, scale};
}

// The nearest halves to scales but infinity, in units.
vec nearest_halves(vec scale, const Groups& groups) {
  uint8_t halves[2 * lanes];
  const vec most = splat(65504);
  store_f16_part(halves, max(min(mul(scale, groups.unit), most), sub(zero(), most)), lanes);
  return mul(load_f16(halves), groups.inverse);
}

// The codes of each group under its scale, two a byte.
void put_codes(const Groups& groups, const Rounding& rounding, vec scale, uint8_t pairs[lanes][Groups::size / 2]) {
  constexpr int half = Groups::size / 2;
  const vec inverse = inverse_or_zero(scale);
  uint8_t by_value[lanes];
  for (int i = 0; i < half; ++i) {
    const ints low = rounding.codes(mul(groups.x[i], inverse)), high = rounding.codes(mul(groups.x[half + i], inverse));
    store_u8(by_value, to_float(bit_or(low, shift_left(high, 4))));
    for (int g = 0; g < lanes; ++g) pairs[g][i] = by_value[g];
  }
}

}  // namespace
}  // namespace deadlift::DEADLIFT_ISA

// A block as fit_points.h searches it: values by the parts that get a point, weighted, without their signs, none larger
// than 1.
//
// A type of weights is here: `grid`, its `halves` and `levels`; how many `values` have a point and how many, a `group`,
// a step; the `highest` step, counted from 0; `unit`, of which steps are odd multiples; `shift`, which is added to all
// values of a point or subtracted, and how many `parts_of_shift` share that choice; its `signs`; the root mean square
// of `usual` points; how many scales are `tried` for each group.

#pragma once

#include "kernels/cpu/encode/nearest_points.h"

namespace deadlift::DEADLIFT_ISA {
namespace {
namespace lattice {

enum class Signs {
  of_points,  // which have some themselves
  free,       // of each value
  even,       // in number, of eight values
};

template <class Type>
struct Block : Parts<Type> {
  float inverse;                       // of the largest magnitude: `products` are of values times this
  float guesses[Parts<Type>::groups];  // of scales, by the size of the values
};

// Makes products positive, as points are. Where the number of minus signs has to be even, one of eight stays negative:
// that which costs least, with the lowest level in its place.
template <class Type>
void take_signs(Block<Type>& block, uint8_t* signs) {
  for (int eight = 0; eight < 32; ++eight) {
    const float low = block.guesses[8 * eight / Type::group] * Type::levels[0];
    float least = INFINITY;
    int minus = 0, cheapest = 0;
    bool odd = false;
    for (int i = 0; i < 8; ++i) {
      const int part = (8 * eight + i) / Type::values;
      float& product = block.products[i % Type::values][part];
      const float weight = block.weights[i % Type::values][part], value = fabsf(product) / weight;
      const float cost = weight * (value < low ? 4 * value * low : (value + low) * (value + low));
      if (cost < least) least = cost, cheapest = i;
      if (product < 0) minus |= 1 << i, odd = !odd;
      product = fabsf(product);
    }
    if (odd && Type::signs == Signs::even) {
      minus ^= 1 << cheapest;
      block.products[cheapest % Type::values][(8 * eight + cheapest) / Type::values] *= -1;
    }
    signs[eight] = static_cast<uint8_t>(minus);
  }
}

// Values and weights by parts. Weights are at least a millionth of the largest, so that values which do not matter come
// out somehow like themselves.
template <class Type>
void prepare(const float* values, const float* importance, Block<Type>& block) {
  float largest = 0, heaviest = 0;
  for (int i = 0; i < 256; ++i) {
    largest = fabsf(values[i]) > largest ? fabsf(values[i]) : largest;
    if (importance) heaviest = importance[i] > heaviest ? importance[i] : heaviest;
  }
  block.inverse = finite_inverse(largest);
  for (int group = 0, i = 0; group < block.groups; ++group) {
    float squares = 0, total = 0;
    for (; i < (group + 1) * Type::group; ++i) {
      const float weight = heaviest > 0 ? (importance[i] > 0 ? importance[i] : 0) / heaviest + 1e-6f : 1;
      const float value = values[i] * block.inverse;
      block.weights[i % Type::values][i / Type::values] = weight;
      block.products[i % Type::values][i / Type::values] = weight * value;
      squares += weight * value * value;
      total += weight;
    }
    block.guesses[group] = square_root(squares / total) / Type::usual;
  }
}

}  // namespace lattice
}  // namespace
}  // namespace deadlift::DEADLIFT_ISA

// peak of the matrix unit: products of tiles that are loaded once.

#pragma once

#include "kernels/cpu/isa/tiles.h"

namespace deadlift::DEADLIFT_ISA {
namespace {

constexpr int peak_tiles_flops = 6 * 2 * 16 * 16 * 32;

inline float peak_tiles(float x, int64_t rounds) {
  alignas(64) uint16_t values[16 * 32];
  for (uint16_t& value : values) value = static_cast<uint16_t>(float_to_bits(x) >> 16);
  open_tiles();
  load_tile<6>(values, 64), load_tile<7>(values, 64);
  for (int64_t round = 0; round < rounds; ++round) {
    // As many as the unit takes at once.
    multiply_tiles<0, 6, 7>(), multiply_tiles<1, 6, 7>(), multiply_tiles<2, 6, 7>();
    multiply_tiles<3, 6, 7>(), multiply_tiles<4, 6, 7>(), multiply_tiles<5, 6, 7>();
  }
  alignas(64) float sums[16 * 16];
  store_tile<0>(sums, 64);
  close_tiles();
  return sums[0];
}

}  // namespace
}  // namespace deadlift::DEADLIFT_ISA

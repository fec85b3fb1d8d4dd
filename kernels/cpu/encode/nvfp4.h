// Writes NVFP4 (layout: quants/nvfp4.h): scales put the largest magnitude of a group near 6, codes are rounded.

#include "kernels/cpu/encode/mxfp4.h"

namespace deadlift::DEADLIFT_ISA {
namespace {

// The nearest E4M3 of a value that is not negative, halves up; 448 for all that would have the highest exponent.
uint8_t nearest_e4m3(float value) {
  if (value < 0x1p-6f) {
    const int steps = static_cast<int>(value * 512 + 0.5f);
    return static_cast<uint8_t>(steps < 7 ? steps : 7);
  }
  const uint32_t bits = (float_to_bits(value) + 0x80000u) >> 20;  // which may carry into the exponent
  constexpr uint32_t bias = (127 - 7) << 3;
  return static_cast<uint8_t>(bits - bias < 0x78 ? bits - bias : 0x7e);
}

// The first code whose error is least in 32 bits, where those of several are the same.
uint8_t first_nearest_e2m1(float value, float d) {
  int best = 0;
  for (int code = 1; code < 16; ++code) {
    const float error = fabsf(e2m1_levels.number[code] * d - value);
    best = error < fabsf(e2m1_levels.number[best] * d - value) ? code : best;
  }
  return static_cast<uint8_t>(best);
}

void encode_nvfp4(const float* values, const float*, int n, uint8_t* out) {
  constexpr int group = nvfp4::step, half = group / 2;
  for (int g = 0; g < n / group; ++g, values += group) {
    uint8_t* const block = out + g / 4 * nvfp4::bytes;
    uint8_t* const pairs = block + 4 + g % 4 * half;
    const float largest = largest_magnitude<group>(values);
    block[g % 4] = nearest_e4m3(largest / 6);
    const float d = nvfp4::scale(block[g % 4]);
    uint8_t codes[group];
    if (largest < d * 0x1p20f) {
      e2m1_codes<group>(values, d, codes);
    } else {  // zeros, or far beyond the largest scale
      for (int i = 0; i < group; ++i) codes[i] = first_nearest_e2m1(values[i], d);
    }
    for (int i = 0; i < half; ++i) pairs[i] = static_cast<uint8_t>(codes[i] | codes[half + i] << 4);
  }
}

}  // namespace
}  // namespace deadlift::DEADLIFT_ISA

// Writes MXFP4 (layout: quants/mxfp4.h): the exponent puts the largest magnitude between 4 and 8, codes are rounded.

#pragma once

#include "kernels/cpu/encode/magnitude.h"

namespace deadlift::DEADLIFT_ISA {
namespace {

// Codes of the nearest values under d, in the middle of two the one nearer to zero; never -0. For magnitudes that are
// not so large that 32 bits no longer tell their errors apart.
template <int count>
void e2m1_codes(const float* values, float d, uint8_t* codes) {
  int32_t middles[7];  // as bits, which are ordered as magnitudes are
  for (int code = 0; code < 7; ++code) {
    const float middle = e2m1_levels.number[code] * d / 2 + e2m1_levels.number[code + 1] * d / 2;
    middles[code] = static_cast<int32_t>(float_to_bits(middle));
  }
  for (int i = 0; i < count; ++i) {
    const uint32_t bits = float_to_bits(values[i]);
    const auto magnitude = static_cast<int32_t>(bits & 0x7fffffffu);
    int code = 0;
    for (int k = 0; k < 7; ++k) code += magnitude > middles[k];
    codes[i] = static_cast<uint8_t>(code ? code | (bits >> 28 & 8) : 0);
  }
}

// The whole part of the logarithm to base 2 of a normal number. The reference rounds the logarithm to 32 bits first,
// which makes powers of two of numbers just below them: of the more, the larger the exponent.
int whole_log2(float x) {
  const uint32_t bits = float_to_bits(x), steps_below = 0x800000u - (bits & 0x7fffffu);
  const int above = static_cast<int>(bits >> 23) - 126;  // exponent of the next power of two
  // Floats just below `above` are 2^-23 of this apart; a logarithm that is less than half of it below is rounded up.
  const auto next = static_cast<float>(above > 0 ? above - 1 : -above);
  const float distance = bits_to_float(float_to_bits(next) & 0x7f800000u);
  constexpr float ln2 = 0.693147f;
  return static_cast<float>(steps_below) < distance * ln2 ? above : above - 1;
}

void encode_mxfp4(const float* values, const float*, int n, uint8_t* out) {
  constexpr int half = mxfp4::block / 2;
  for (int block = 0; block < n; block += mxfp4::block, values += mxfp4::block, out += mxfp4::bytes) {
    const float largest = largest_magnitude<mxfp4::block>(values);
    const int e = largest < 0x1p-125f ? 0 : whole_log2(largest) - 2 + 127;
    out[0] = static_cast<uint8_t>(e < 0 ? 0 : e);
    uint8_t codes[mxfp4::block];
    e2m1_codes<mxfp4::block>(values, mxfp4::scale(out[0]), codes);
    for (int i = 0; i < half; ++i) out[1 + i] = static_cast<uint8_t>(codes[i] | codes[half + i] << 4);
  }
}

}  // namespace
}  // namespace deadlift::DEADLIFT_ISA

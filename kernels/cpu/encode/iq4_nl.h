// Writes IQ4_NL (layout: quants/iq4_nl.h).

#include "kernels/cpu/encode/fit_levels.h"

namespace deadlift::DEADLIFT_ISA {
namespace {

void encode_iq4_nl(const float* values, const float* importance, int n, uint8_t* out) {
  const Rounding rounding(iq4_levels);
  for (int block = 0; block < n / iq4_nl::block; block += lanes) {
    const int left = n / iq4_nl::block - block, count = left < lanes ? left : lanes, at = block * iq4_nl::block;
    const Groups groups = load_groups<1>(values + at, importance ? importance + at : nullptr, count);
    uint8_t halves[2 * lanes], pairs[lanes][iq4_nl::block / 2];
    const vec d = nearest_halves(fit_scales(groups, rounding).any, groups);
    store_f16_part(halves, mul(d, groups.unit), lanes);
    put_codes(groups, rounding, d, pairs);
    for (int b = 0; b < count; ++b, out += iq4_nl::bytes) {
      memcpy(out, halves + 2 * b, 2);
      memcpy(out + 2, pairs[b], sizeof pairs[b]);
    }
  }
}

}  // namespace
}  // namespace deadlift::DEADLIFT_ISA

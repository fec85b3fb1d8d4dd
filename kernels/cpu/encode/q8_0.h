// Writes Q8_0 (layout: quants/q8_0.h): the scale meets the largest magnitude, codes are rounded, halves away from zero.

#include "kernels/cpu/encode/magnitude.h"

namespace deadlift::DEADLIFT_ISA {
namespace {

void encode_q8_0(const float* values, const float*, int n, uint8_t* out) {
  for (int block = 0; block < n; block += q8_0::block, values += q8_0::block, out += q8_0::bytes) {
    const float d = largest_magnitude<q8_0::block>(values) / 127, inverse = finite_inverse(d);
    store_f16_part(out, splat(d), 1);
    for (int i = 0; i < q8_0::block; ++i) {
      const float scaled = values[i] * inverse;
      const int whole = static_cast<int>(scaled);
      const float rest = scaled - static_cast<float>(whole);
      out[2 + i] = static_cast<uint8_t>(whole + (rest >= 0.5f) - (rest <= -0.5f));
    }
  }
}

}  // namespace
}  // namespace deadlift::DEADLIFT_ISA

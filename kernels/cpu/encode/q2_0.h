// Writes Q2_0 (layout: quants/q2_0.h); never the code 3.

#include "kernels/cpu/encode/ternary.h"

namespace deadlift::DEADLIFT_ISA {
namespace {

void encode_q2_0(const float* values, const float*, int n, uint8_t* out) {
  for (int block = 0; block < n; block += q2_0::block, values += q2_0::block, out += q2_0::bytes) {
    uint8_t codes[q2_0::block];
    store_f16_part(out, splat(ternary_codes<q2_0::block>(values, codes)), 1);
    for (int i = 0; i < 16; ++i) {
      const uint32_t four = load_u32(codes + 4 * i);  // moved together
      out[2 + i] = static_cast<uint8_t>(four | four >> 6 | four >> 12 | four >> 18);
    }
  }
}

}  // namespace
}  // namespace deadlift::DEADLIFT_ISA

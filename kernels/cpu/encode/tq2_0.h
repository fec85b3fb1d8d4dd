// Writes TQ2_0 (layout: quants/tq2_0.h).

#include "kernels/cpu/encode/ternary.h"

namespace deadlift::DEADLIFT_ISA {
namespace {

void encode_tq2_0(const float* values, const float*, int n, uint8_t* out) {
  for (int block = 0; block < n; block += tq2_0::block, values += tq2_0::block, out += tq2_0::bytes) {
    uint8_t codes[tq2_0::block];
    store_f16_part(out + 64, splat(ternary_codes<tq2_0::block>(values, codes)), 1);
    for (int i = 0; i < 64; ++i) {
      const uint8_t* four = codes + i / 32 * 128 + i % 32;  // 32 apart
      out[i] = static_cast<uint8_t>(four[0] | four[32] << 2 | four[64] << 4 | four[96] << 6);
    }
  }
}

}  // namespace
}  // namespace deadlift::DEADLIFT_ISA

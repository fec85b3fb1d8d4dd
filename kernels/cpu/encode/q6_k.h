// Writes Q6_K (layout: quants/q6_k.h).

#include "kernels/cpu/encode/fit_centred.h"
#include "kernels/cpu/encode/k_codes.h"

namespace deadlift::DEADLIFT_ISA {
namespace {

void encode_q6_k(const float* values, const float* importance, int n, uint8_t* out) {
  each_fit<CentredSearch<32, 128>>(values, importance, n, [&](const CentredFit& fit) {
    for (int i = 0; i < 128; ++i) {  // of each 128 codes, codes i and 64 + i share a byte
      const uint8_t* low = fit.codes + i / 64 * 128 + i % 64;
      out[i] = static_cast<uint8_t>((low[0] & 15) | low[64] << 4);
    }
    put_codes<4, 2>(fit.codes, out + 128);
    memcpy(out + 192, fit.scales, 16);
    store_f16_part(out + 208, splat(fit.d), 1);
    out += q6_k::bytes;
  });
}

}  // namespace
}  // namespace deadlift::DEADLIFT_ISA

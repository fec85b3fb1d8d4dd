// Writes Q3_K (layout: quants/q3_k.h).

#include "kernels/cpu/encode/fit_centred.h"
#include "kernels/cpu/encode/k_codes.h"

namespace deadlift::DEADLIFT_ISA {
namespace {

void encode_q3_k(const float* values, const float* importance, int n, uint8_t* out) {
  each_fit<CentredSearch<4, 32>>(values, importance, n, [&](const CentredFit& fit) {
    put_codes<2, 1>(fit.codes, out);
    put_codes<0, 2>(fit.codes, out + 32);
    memset(out + 96, 0, 12);
    for (int j = 0; j < 16; ++j) {  // layout: CentredGroups in quants/k_groups.h
      const int scale = fit.scales[j] + 32;
      out[96 + j % 8] = static_cast<uint8_t>(out[96 + j % 8] | (scale & 15) << j / 8 * 4);
      out[104 + j % 4] = static_cast<uint8_t>(out[104 + j % 4] | scale >> 4 << j / 4 * 2);
    }
    store_f16_part(out + 108, splat(fit.d), 1);
    out += q3_k::bytes;
  });
}

}  // namespace
}  // namespace deadlift::DEADLIFT_ISA

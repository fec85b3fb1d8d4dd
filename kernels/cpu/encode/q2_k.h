// Writes Q2_K (layout: quants/q2_k.h).

#include "kernels/cpu/encode/fit_ranges.h"
#include "kernels/cpu/encode/k_codes.h"

namespace deadlift::DEADLIFT_ISA {
namespace {

void encode_q2_k(const float* values, const float* importance, int n, uint8_t* out) {
  each_fit<RangeSearch<16, 3, 15>>(values, importance, n, [&](const RangeFit<16>& fit) {
    for (int j = 0; j < 16; ++j) out[j] = static_cast<uint8_t>(fit.scales[j] | fit.leasts[j] << 4);
    put_codes<0, 2>(fit.codes, out + 16);
    store_f16_part(out + 80, splat(fit.d), 1);
    store_f16_part(out + 82, splat(fit.dmin), 1);
    out += q2_k::bytes;
  });
}

}  // namespace
}  // namespace deadlift::DEADLIFT_ISA

// Writes Q4_K (layout: quants/q4_k.h).

#include "kernels/cpu/encode/fit_ranges.h"
#include "kernels/cpu/encode/k_codes.h"

namespace deadlift::DEADLIFT_ISA {
namespace {

void encode_q4_k(const float* values, const float* importance, int n, uint8_t* out) {
  each_fit<RangeSearch<32, 15, 63>>(values, importance, n, [&](const RangeFit<32>& fit) {
    store_f16_part(out, splat(fit.d), 1);
    store_f16_part(out + 2, splat(fit.dmin), 1);
    put_six_bits(fit.scales, fit.leasts, out + 4);
    put_codes<0, 4>(fit.codes, out + 16);
    out += q4_k::bytes;
  });
}

}  // namespace
}  // namespace deadlift::DEADLIFT_ISA

// Writes Q4_0 (layout: quants/q4_0.h): code 0, -8 times the scale, meets the value of largest magnitude.

#include "kernels/cpu/encode/codes.h"

namespace deadlift::DEADLIFT_ISA {
namespace {

void encode_q4_0(const float* values, const float*, int n, uint8_t* out) {
  uint8_t codes[q4_0::block];
  for (int block = 0; block < n; block += q4_0::block, values += q4_0::block, out += q4_0::bytes) {
    store_f16_part(out, splat(centred_codes<4>(values, codes)), 1);
    put_nibbles(codes, out + 2);
  }
}

}  // namespace
}  // namespace deadlift::DEADLIFT_ISA

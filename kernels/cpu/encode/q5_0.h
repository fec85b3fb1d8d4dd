// Writes Q5_0 (layout: quants/q5_0.h): code 0, -16 times the scale, meets the value of largest magnitude.

#include "kernels/cpu/encode/codes.h"

namespace deadlift::DEADLIFT_ISA {
namespace {

void encode_q5_0(const float* values, const float*, int n, uint8_t* out) {
  uint8_t codes[q5_0::block];
  for (int block = 0; block < n; block += q5_0::block, values += q5_0::block, out += q5_0::bytes) {
    store_f16_part(out, splat(centred_codes<5>(values, codes)), 1);
    put_fifth_bits(codes, out + 2);
    put_nibbles(codes, out + 6);
  }
}

}  // namespace
}  // namespace deadlift::DEADLIFT_ISA

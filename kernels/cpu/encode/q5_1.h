// Writes Q5_1 (layout: quants/q5_1.h): code 0 is the least value, code 31 the greatest.

#include "kernels/cpu/encode/codes.h"

namespace deadlift::DEADLIFT_ISA {
namespace {

void encode_q5_1(const float* values, const float*, int n, uint8_t* out) {
  uint8_t codes[q5_1::block];
  float least;
  for (int block = 0; block < n; block += q5_1::block, values += q5_1::block, out += q5_1::bytes) {
    store_f16_part(out, splat(range_codes<5>(values, least, codes)), 1);
    store_f16_part(out + 2, splat(least), 1);
    put_fifth_bits(codes, out + 4);
    put_nibbles(codes, out + 8);
  }
}

}  // namespace
}  // namespace deadlift::DEADLIFT_ISA

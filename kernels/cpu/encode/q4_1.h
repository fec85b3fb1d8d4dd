// Writes Q4_1 (layout: quants/q4_1.h): code 0 is the least value, code 15 the greatest.

#include "kernels/cpu/encode/codes.h"

namespace deadlift::DEADLIFT_ISA {
namespace {

void encode_q4_1(const float* values, const float*, int n, uint8_t* out) {
  uint8_t codes[q4_1::block];
  float least;
  for (int block = 0; block < n; block += q4_1::block, values += q4_1::block, out += q4_1::bytes) {
    store_f16_part(out, splat(range_codes<4>(values, least, codes)), 1);
    store_f16_part(out + 2, splat(least), 1);
    put_nibbles(codes, out + 4);
  }
}

}  // namespace
}  // namespace deadlift::DEADLIFT_ISA

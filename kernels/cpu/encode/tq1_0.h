// Writes TQ1_0 (layout: quants/tq1_0.h).

#include "kernels/cpu/encode/ternary.h"

namespace deadlift::DEADLIFT_ISA {
namespace {

// `count` bytes of codes that are `count` apart, as fractions 0.abcde in base 3, rounded up.
template <int count, int digits>
void put_fractions(const uint8_t* codes, uint8_t* out) {
  for (int i = 0; i < count; ++i) {
    int number = 0;
    for (int digit = 0; digit < 5; ++digit) number = number * 3 + (digit < digits ? codes[count * digit + i] : 0);
    out[i] = static_cast<uint8_t>((number * 256 + 242) / 243);
  }
}

void encode_tq1_0(const float* values, const float*, int n, uint8_t* out) {
  for (int block = 0; block < n; block += tq1_0::block, values += tq1_0::block, out += tq1_0::bytes) {
    uint8_t codes[tq1_0::block];
    store_f16_part(out + 52, splat(ternary_codes<tq1_0::block>(values, codes)), 1);
    put_fractions<32, 5>(codes, out);
    put_fractions<16, 5>(codes + 160, out + 32);
    put_fractions<4, 4>(codes + 240, out + 48);
  }
}

}  // namespace
}  // namespace deadlift::DEADLIFT_ISA

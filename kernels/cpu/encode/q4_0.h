// Writes Q4_0 (layout: quants/q4_0.h): code 0, -8 times the scale, meets the value of largest magnitude.

namespace deadlift::DEADLIFT_ISA {
namespace {

uint8_t q4_0_code(float value, float inverse) {
  const int code = static_cast<int>(value * inverse + 8.5f);
  return static_cast<uint8_t>(code > 15 ? 15 : code);
}

void encode_q4_0(const float* values, const float*, int n, uint8_t* out) {
  constexpr int half = q4_0::block / 2;
  for (int block = 0; block < n; block += q4_0::block, values += q4_0::block, out += q4_0::bytes) {
    float largest = 0;  // with its sign; the first of equals
    for (int i = 0; i < q4_0::block; ++i) largest = fabsf(values[i]) > fabsf(largest) ? values[i] : largest;
    const float d = largest / -8, inverse = finite_inverse(d);
    store_f16_part(out, splat(d), 1);
    if (d != 0 && inverse == 0) {  // as the reference has it, though any code would mean 0
      memset(out + 2, 0, half);
      continue;
    }
    for (int i = 0; i < half; ++i) {
      out[2 + i] = static_cast<uint8_t>(q4_0_code(values[i], inverse) | q4_0_code(values[half + i], inverse) << 4);
    }
  }
}

}  // namespace
}  // namespace deadlift::DEADLIFT_ISA

// Writes F32, F16 and BF16: the nearest value, ties to even. And what all encoders divide by.

namespace deadlift::DEADLIFT_ISA {
namespace {

// 1 / d, or 0 where that is infinite: such a scale is 0 as a half anyway.
float finite_inverse(float d) { return fabsf(d) > 0x1p-128f ? 1 / d : 0; }

void encode_f32(const float* values, const float*, int n, uint8_t* out) {
  memcpy(out, values, static_cast<size_t>(n) * 4);
}

void encode_f16(const float* values, const float*, int n, uint8_t* out) {
  int k = 0;
  for (; k + lanes <= n; k += lanes) store_f16_part(out + 2 * k, load(values + k), lanes);
  if (k < n) store_f16_part(out + 2 * k, load_part(values + k, n - k), n - k);
}

void encode_bf16(const float* values, const float*, int n, uint8_t* out) {
  int k = 0;
  for (; k + lanes <= n; k += lanes) store_bf16_part(out + 2 * k, load(values + k), lanes);
  if (k < n) store_bf16_part(out + 2 * k, load_part(values + k, n - k), n - k);
}

}  // namespace
}  // namespace deadlift::DEADLIFT_ISA

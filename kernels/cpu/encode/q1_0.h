// Writes Q1_0 (layout: quants/q1_0.h): the scale is the mean magnitude, which has the least squared error.

namespace deadlift::DEADLIFT_ISA {
namespace {

constexpr int q1_0_at_once = 8;  // blocks, because each sum has to wait for itself

// Magnitudes are summed one after another, as the reference does. `sums` // (blocks <= q1_0_at_once)
void sum_magnitudes(const float* values, int blocks, float* sums) {
  const float* from[q1_0_at_once];
  float all[q1_0_at_once] = {};
  for (int b = 0; b < q1_0_at_once; ++b) from[b] = values + (b < blocks ? b : 0) * q1_0::block;
  for (int i = 0; i < q1_0::block; ++i) {
    for (int b = 0; b < q1_0_at_once; ++b) all[b] += fabsf(from[b][i]);
  }
  for (int b = 0; b < blocks; ++b) sums[b] = all[b];
}

void encode_q1_0(const float* values, const float*, int n, uint8_t* out) {
  float sums[q1_0_at_once];
  for (int block = 0; block < n / q1_0::block; ++block, values += q1_0::block, out += q1_0::bytes) {
    const int at = block % q1_0_at_once, left = n / q1_0::block - block;
    if (at == 0) sum_magnitudes(values, left < q1_0_at_once ? left : q1_0_at_once, sums);
    store_f16_part(out, splat(sums[at] / q1_0::block), 1);
    for (int i = 0; i < q1_0::block; i += lanes) {
      const uint32_t bits = at_least(load(values + i), zero());
      for (int byte = 0; byte < lanes / 8; ++byte) out[2 + i / 8 + byte] = static_cast<uint8_t>(bits >> 8 * byte);
    }
  }
}

}  // namespace
}  // namespace deadlift::DEADLIFT_ISA

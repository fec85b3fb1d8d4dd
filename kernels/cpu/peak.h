// peak: multiply-adds between registers only, as fast as this instruction set can, to measure others by.

namespace deadlift::DEADLIFT_ISA {
namespace {

constexpr int peak_flops = 2 * peak_sums * lanes;

inline float peak(float x, int64_t rounds) {
  const vec factor = splat(x), summand = splat(1);
  vec sums[peak_sums];
  for (int i = 0; i < peak_sums; ++i) sums[i] = splat(static_cast<float>(i));
  for (int64_t round = 0; round < rounds; ++round) {
#pragma GCC unroll 12
    for (int i = 0; i < peak_sums; ++i) sums[i] = fma(sums[i], factor, summand);
  }
  float total = 0;
  for (int i = 0; i < peak_sums; ++i) total += sum(sums[i]);
  return total;
}

}  // namespace
}  // namespace deadlift::DEADLIFT_ISA

// norm: x / sqrt(mean(x^2) + epsilon) * weight, group by group.

namespace deadlift::DEADLIFT_ISA {
namespace {

inline float sum_of_squares(const float* x, int n) {
  vec total = zero();
  int i = 0;
  for (; i + lanes <= n; i += lanes) total = fma(load(x + i), load(x + i), total);
  if (i < n) {
    const vec rest = load_part(x + i, n - i);
    total = fma(rest, rest, total);
  }
  return sum(total);
}

// Weights of the next group are `step` floats on: n, or 0 where groups share them.
inline void norm(float* out, const float* x, const float* weight, int n, int groups, int step, float epsilon) {
  for (int g = 0; g < groups; ++g, x += n, out += n, weight += step) {
    const vec scale = splat(1.0f / square_root(sum_of_squares(x, n) / static_cast<float>(n) + epsilon));
    int i = 0;
    for (; i + lanes <= n; i += lanes) store(out + i, mul(mul(load(x + i), scale), load(weight + i)));
    if (i < n) {
      store_part(out + i, mul(mul(load_part(x + i, n - i), scale), load_part(weight + i, n - i)), n - i);
    }
  }
}

}  // namespace
}  // namespace deadlift::DEADLIFT_ISA

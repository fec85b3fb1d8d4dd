// mix: the sum of k rows, one after another in x, each times its weight.

namespace deadlift::DEADLIFT_ISA {
namespace {

inline void mix(float* out, const float* x, const float* weights, int n, int k) {
  int c = 0;
  for (; c + lanes <= n; c += lanes) {
    vec total = zero();
    for (int i = 0; i < k; ++i) total = fma(splat(weights[i]), load(x + int64_t{i} * n + c), total);
    store(out + c, total);
  }
  if (c == n) return;
  vec total = zero();
  for (int i = 0; i < k; ++i) total = fma(splat(weights[i]), load_part(x + int64_t{i} * n + c, n - c), total);
  store_part(out + c, total, n - c);
}

}  // namespace
}  // namespace deadlift::DEADLIFT_ISA

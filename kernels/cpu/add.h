// add, most: out = a + b, and the larger of both.

namespace deadlift::DEADLIFT_ISA {
namespace {

inline void add(float* out, const float* a, const float* b, int n) {
  int i = 0;
  for (; i + lanes <= n; i += lanes) store(out + i, add(load(a + i), load(b + i)));
  if (i < n) store_part(out + i, add(load_part(a + i, n - i), load_part(b + i, n - i)), n - i);
}

inline void most(float* out, const float* a, const float* b, int n) {
  int i = 0;
  for (; i + lanes <= n; i += lanes) store(out + i, max(load(a + i), load(b + i)));
  if (i < n) store_part(out + i, max(load_part(a + i, n - i), load_part(b + i, n - i)), n - i);
}

}  // namespace
}  // namespace deadlift::DEADLIFT_ISA

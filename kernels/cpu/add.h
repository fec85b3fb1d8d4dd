// add, shift, most: out = a + b, of one row and of many, and the larger of both.

namespace deadlift::DEADLIFT_ISA {
namespace {

inline void add(float* out, const float* a, const float* b, int n) {
  int i = 0;
  for (; i + lanes <= n; i += lanes) store(out + i, add(load(a + i), load(b + i)));
  if (i < n) store_part(out + i, add(load_part(a + i, n - i), load_part(b + i, n - i)), n - i);
}

inline void shift(float* rows, int64_t stride, int count, const float* by, int n) {
  for (int i = 0; i < n; i += lanes) {
    const int some = n - i < lanes ? n - i : lanes;
    const vec shifted_by = load_part(by + i, some);
    for (int row = 0; row < count; ++row) {
      float* const at = rows + row * stride + i;
      store_part(at, add(load_part(at, some), shifted_by), some);
    }
  }
}

inline void most(float* out, const float* a, const float* b, int n) {
  int i = 0;
  for (; i + lanes <= n; i += lanes) store(out + i, max(load(a + i), load(b + i)));
  if (i < n) store_part(out + i, max(load_part(a + i, n - i), load_part(b + i, n - i)), n - i);
}

}  // namespace
}  // namespace deadlift::DEADLIFT_ISA

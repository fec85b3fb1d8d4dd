// route: the numbers of the k largest of n values, the largest first; of equal ones the first.

namespace deadlift::DEADLIFT_ISA {
namespace {

// `out` holds the largest so far in their order. Whatever the values are, NaN too, it ends with k different numbers.
inline void route(float* out, const float* x, int n, int k) {
  int count = 0;
  for (int e = 0; e < n; ++e) {
    int place = count;
    while (place > 0 && x[e] > x[static_cast<int>(out[place - 1])]) --place;
    if (place == k) continue;
    if (count < k) ++count;
    for (int i = count - 1; i > place; --i) out[i] = out[i - 1];
    out[place] = static_cast<float>(e);
  }
}

}  // namespace
}  // namespace deadlift::DEADLIFT_ISA

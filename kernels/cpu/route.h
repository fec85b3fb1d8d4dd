// route: the numbers of the k largest of n values, the largest first; of equal ones the first. limit_groups: all but
// those of the best groups become `floor`.

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

// The sum of the `best` largest of n values.
inline float goodness(const float* x, int n, int best, float* numbers) {
  route(numbers, x, n, best);
  float total = 0;
  for (int i = 0; i < best; ++i) total += x[static_cast<int>(numbers[i])];
  return total;
}

// `scratch`: n + 2 * groups floats.
inline void limit_groups(float* out, const float* x, int n, int groups, int used, int best, float floor,
                         float* scratch) {
  const int size = n / groups;
  float *const goods = scratch, *const kept = goods + groups, *const numbers = kept + groups;
  for (int g = 0; g < groups; ++g) goods[g] = goodness(x + g * size, size, best, numbers);
  route(kept, goods, groups, used);
  for (int i = 0; i < n; ++i) out[i] = floor;
  for (int k = 0; k < used; ++k) {
    const int first = static_cast<int>(kept[k]) * size;
    for (int i = first; i < first + size; ++i) out[i] = x[i];
  }
}

}  // namespace
}  // namespace deadlift::DEADLIFT_ISA

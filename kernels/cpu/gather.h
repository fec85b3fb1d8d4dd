// gather: the values that a list of k numbers names.

namespace deadlift::DEADLIFT_ISA {
namespace {

inline void gather(float* out, const float* x, const float* chosen, int k) {
  for (int i = 0; i < k; ++i) out[i] = x[static_cast<int>(chosen[i])];
}

}  // namespace
}  // namespace deadlift::DEADLIFT_ISA

// Lists the instruction sets of this build; native/cpu_features.cc picks those that run here.

#include "kernels/cpu/kernels.h"

namespace deadlift {

const Kernels* const* all_kernels() {
  static const Kernels* const sets[] = {
      &scalar::kernels,
#ifdef DEADLIFT_X86
      &avx2::kernels,
      &avx512::kernels,
#endif
      nullptr,
  };
  return sets;
}

int64_t attend_scratch(int head_dim, int group) {
  const int64_t queries = group > attend_queries_max ? group : attend_queries_max;
  return queries * (2 * ((head_dim + 15) & ~15) + 32 + 3) + 16;
}

}  // namespace deadlift

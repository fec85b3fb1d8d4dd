// Lists the instruction sets of this build; native/cpu_features.cc picks those that run here.

#include "kernels/cpu/kernels.h"

namespace deadlift {

#ifdef DEADLIFT_AMX
namespace {

Kernels amx_kernels() {
  Kernels kernels = avx512::kernels;
  kernels.isa = "amx";
  kernels.needs = amx::products.needs;
  kernels.works = amx::products.works;
  for (int i = 0; i < quant_count; ++i) {
    kernels.linear[i] = amx::products.linear[i];
    kernels.pack[i] = amx::products.pack;
  }
  return kernels;
}

}  // namespace
#endif

const Kernels* const* all_kernels() {
#ifdef DEADLIFT_AMX
  static const Kernels amx = amx_kernels();
#endif
  static const Kernels* const sets[] = {
      &scalar::kernels,
#ifdef DEADLIFT_X86
      &avx2::kernels,
      &avx512::kernels,
#endif
#ifdef DEADLIFT_AMX
      &amx,
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

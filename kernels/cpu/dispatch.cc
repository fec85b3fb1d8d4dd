// Lists the instruction sets of this build; native/cpu_features.cc picks those that run here.

#include <algorithm>

#include "kernels/cpu/kernels.h"

namespace deadlift {

#ifdef DEADLIFT_AMX
namespace {

Kernels amx_kernels() {
  Kernels kernels = avx512::kernels;
  kernels.isa = "amx";
  kernels.needs = amx::products.needs;
  kernels.peak = amx::products.peak;
  kernels.peak_flops = amx::products.peak_flops;
  kernels.works = amx::products.works;
  for (int i = 0; i < quant_count; ++i) {
    kernels.linear[i] = amx::products.linear[i];
    kernels.fast_linear[i] = amx::products.fast_linear[i];
    kernels.pack[i] = kernels.fast_pack[i] = amx::products.pack;
    kernels.texts_linear[i] = nullptr;
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
#if defined(DEADLIFT_X86)
      &avx2::kernels,
      &avx512::kernels,
#elif defined(DEADLIFT_ARM)
      &neon::kernels,
      &neon_dot::kernels,
#endif
#ifdef DEADLIFT_AMX
      &amx,
#endif
      nullptr,
  };
  return sets;
}

KvLayout kv_layout(KvType type, int kv_heads, int head_dim, int value_dim, int page_tokens) {
  constexpr int value_bytes[kv_type_count] = {4, 2, 2, 1};
  const auto rounded = [](int64_t n, int64_t to) { return (n + to - 1) / to * to; };
  KvLayout layout{kv_heads, head_dim, value_dim, page_tokens, 0, 0, 0, 0, 0, 0, 0};
  layout.key_stride = static_cast<int>(rounded(page_tokens, 16));
  layout.value_stride = static_cast<int>(rounded(value_dim, 16));
  layout.part_tokens = std::max(attend_part_positions / page_tokens, 1) * page_tokens;
  const int64_t bytes = value_bytes[static_cast<int>(type)];
  const auto scales = [&](int dim) {
    return type == KvType::q8_0 ? rounded(dim, kv_block) / kv_block * layout.key_stride * 2 : 0;
  };
  layout.values = bytes * head_dim * layout.key_stride;
  layout.key_scales = layout.values + bytes * page_tokens * layout.value_stride;
  layout.value_scales = layout.key_scales + scales(head_dim);
  layout.head_bytes = rounded(layout.value_scales + scales(value_dim), 64);
  return layout;
}

int64_t attend_seen(int value_dim, int queries) {
  return (int64_t{queries} * (((value_dim + 15) & ~15) + 2) + 15) & ~15;
}

int64_t attend_scratch(int head_dim, int value_dim, int group) {
  const int64_t queries = group > attend_queries_max ? group : attend_queries_max;
  return 2 * attend_seen(value_dim, static_cast<int>(queries)) + queries * (head_dim + 32 + 16 + 1) + 16;
}

}  // namespace deadlift

// The quant types the kernels run: one row each. A row here, a file beside it, and every kernel knows the type.

#pragma once

#include <cstdint>

//  id, name, values per block, bytes per block
// clang-format off: a row a line
#define DEADLIFT_QUANTS(row) \
  row(f32, "F32", 1, 4) \
  row(f16, "F16", 1, 2) \
  row(bf16, "BF16", 1, 2) \
  row(q8_0, "Q8_0", 32, 34) \
  row(q4_0, "Q4_0", 32, 18) \
  row(iq1_s, "IQ1_S", 256, 50) \
  row(iq1_m, "IQ1_M", 256, 56) \
  row(iq2_xxs, "IQ2_XXS", 256, 66) \
  row(iq2_xs, "IQ2_XS", 256, 74) \
  row(iq2_s, "IQ2_S", 256, 82) \
  row(iq3_xxs, "IQ3_XXS", 256, 98) \
  row(iq3_s, "IQ3_S", 256, 110) \
  row(iq4_nl, "IQ4_NL", 32, 18) \
  row(iq4_xs, "IQ4_XS", 256, 136) \
  row(tq1_0, "TQ1_0", 256, 54) \
  row(tq2_0, "TQ2_0", 256, 66) \
  row(mxfp4, "MXFP4", 32, 17) \
  row(nvfp4, "NVFP4", 64, 36) \
  row(q1_0, "Q1_0", 128, 18) \
  row(q2_0, "Q2_0", 64, 18)
// clang-format on

namespace deadlift {

enum class Quant : uint8_t {
#define DEADLIFT_ROW(id, name, block, bytes) id,
  DEADLIFT_QUANTS(DEADLIFT_ROW)
#undef DEADLIFT_ROW
      count
};

constexpr int quant_count = static_cast<int>(Quant::count);

struct QuantFacts {
  const char* name;
  int block;
  int bytes;
};

constexpr QuantFacts quant_facts[quant_count] = {
#define DEADLIFT_ROW(id, name, block, bytes) {name, block, bytes},
    DEADLIFT_QUANTS(DEADLIFT_ROW)
#undef DEADLIFT_ROW
};

}  // namespace deadlift

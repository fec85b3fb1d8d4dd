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
  row(q4_1, "Q4_1", 32, 20) \
  row(q5_0, "Q5_0", 32, 22) \
  row(q5_1, "Q5_1", 32, 24) \
  row(q8_1, "Q8_1", 32, 36) \
  row(q2_k, "Q2_K", 256, 84) \
  row(q3_k, "Q3_K", 256, 110) \
  row(q4_k, "Q4_K", 256, 144) \
  row(q5_k, "Q5_K", 256, 176) \
  row(q6_k, "Q6_K", 256, 210) \
  row(q8_k, "Q8_K", 256, 292) \
  row(iq2_xxs, "IQ2_XXS", 256, 66) \
  row(iq2_xs, "IQ2_XS", 256, 74) \
  row(iq3_xxs, "IQ3_XXS", 256, 98) \
  row(iq1_s, "IQ1_S", 256, 50) \
  row(iq4_nl, "IQ4_NL", 32, 18) \
  row(iq3_s, "IQ3_S", 256, 110) \
  row(iq2_s, "IQ2_S", 256, 82) \
  row(iq4_xs, "IQ4_XS", 256, 136) \
  row(iq1_m, "IQ1_M", 256, 56) \
  row(tq1_0, "TQ1_0", 256, 54) \
  row(tq2_0, "TQ2_0", 256, 66) \
  row(mxfp4, "MXFP4", 32, 17) \
  row(nvfp4, "NVFP4", 64, 36) \
  row(q1_0, "Q1_0", 128, 18) \
  row(q2_0, "Q2_0", 64, 18) \
  row(i8, "I8", 1, 1) \
  row(i16, "I16", 1, 2) \
  row(i32, "I32", 1, 4) \
  row(i64, "I64", 1, 8) \
  row(f64, "F64", 1, 8) \
  row(u8, "U8", 1, 1) \
  row(u16, "U16", 1, 2) \
  row(u32, "U32", 1, 4) \
  row(u64, "U64", 1, 8) \
  row(boolean, "BOOL", 1, 1) \
  row(f4, "F4", 2, 1) \
  row(f6_e2m3, "F6_E2M3", 4, 3) \
  row(f6_e3m2, "F6_E3M2", 4, 3) \
  row(f8_e4m3, "F8_E4M3", 1, 1) \
  row(f8_e5m2, "F8_E5M2", 1, 1) \
  row(f8_e8m0, "F8_E8M0", 1, 1) \
  row(f8_e4m3fnuz, "F8_E4M3FNUZ", 1, 1) \
  row(f8_e5m2fnuz, "F8_E5M2FNUZ", 1, 1) \
  row(u4_scaled, "U4_SCALED", 32, 20) \
  row(u8_scaled, "U8_SCALED", 32, 36) \
  row(f8_scaled, "F8_SCALED", 64, 68) \
  row(nf4, "NF4", 64, 36) \
  row(fp4, "FP4", 64, 36)
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

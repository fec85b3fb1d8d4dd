// The quant types the kernels run: one row each. A row here, a file beside it, and every kernel knows the type.

#pragma once

#include <cstdint>

//  id, name, values per block, bytes per block
#define DEADLIFT_QUANTS(row)                                                                    \
  row(f32, "F32", 1, 4) row(f16, "F16", 1, 2) row(bf16, "BF16", 1, 2) row(q8_0, "Q8_0", 32, 34) \
      row(q4_0, "Q4_0", 32, 18)

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

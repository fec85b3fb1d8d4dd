// The kernels on AVX2.

#define DEADLIFT_ISA avx2

#include "kernels/cpu/isa/avx2_codes.h"
#include "kernels/cpu/isa/table.h"

namespace deadlift::avx2 {

// Constant data: nothing of this file runs before it is chosen.
constinit const Kernels kernels = make_kernels("avx2", "avx2 fma f16c");

}  // namespace deadlift::avx2

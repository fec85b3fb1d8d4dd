// The kernels on NEON, which every AArch64 has.

#define DEADLIFT_ISA neon

#include "kernels/cpu/isa/neon_codes.h"
#include "kernels/cpu/isa/table.h"

namespace deadlift::neon {

// Constant data: nothing of this file runs before it is chosen.
constinit const Kernels kernels = make_kernels("neon", "asimd");

}  // namespace deadlift::neon

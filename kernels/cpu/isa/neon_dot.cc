// The kernels on NEON with dot products.

#define DEADLIFT_ISA neon_dot

#include "kernels/cpu/isa/neon_dot_codes.h"
#include "kernels/cpu/isa/table.h"

namespace deadlift::neon_dot {

// Constant data: nothing of this file runs before it is chosen.
constinit const Kernels kernels = make_kernels("neon_dot", "asimd asimddp");

}  // namespace deadlift::neon_dot

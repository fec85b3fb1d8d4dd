// The kernels in plain C++, for any machine.

#define DEADLIFT_ISA scalar

#include "kernels/cpu/isa/scalar_codes.h"
#include "kernels/cpu/isa/table.h"

namespace deadlift::scalar {

// Constant data: nothing of this file runs before it is chosen.
constinit const Kernels kernels = make_kernels("scalar", "");

}  // namespace deadlift::scalar

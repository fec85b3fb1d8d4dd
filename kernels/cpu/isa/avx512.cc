// The kernels on AVX-512.

#define DEADLIFT_ISA avx512

// GCC 12's own avx512fintrin.h warns about its _mm512_undefined (GCC bug 105593).
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif

#include "kernels/cpu/isa/avx512_codes.h"
#include "kernels/cpu/isa/table.h"

namespace deadlift::avx512 {

// Constant data: nothing of this file runs before it is chosen.
constinit const Kernels kernels =
    make_kernels("avx512", "avx2 fma f16c avx512f avx512bw avx512dq avx512vl avx512_vnni");

}  // namespace deadlift::avx512

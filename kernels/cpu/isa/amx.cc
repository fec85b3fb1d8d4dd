// linear on AMX, whose set is that of AVX-512 otherwise; dispatch.cc puts them together.

#define DEADLIFT_ISA amx

// GCC 12's own avx512fintrin.h warns about its _mm512_undefined (GCC bug 105593).
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif

#include "kernels/cpu/isa/avx512_codes.h"

// After the words.
#include "kernels/cpu/check_tiles.h"
#include "kernels/cpu/linear_tiles.h"
#include "kernels/cpu/peak_tiles.h"
#include "kernels/cpu/quants/iq4_nl.h"
#include "kernels/cpu/quants/iq4_xs.h"
#include "kernels/cpu/quants/mxfp4.h"
#include "kernels/cpu/quants/q2_k.h"
#include "kernels/cpu/quants/q3_k.h"
#include "kernels/cpu/quants/q4_0.h"
#include "kernels/cpu/quants/q4_1.h"
#include "kernels/cpu/quants/q4_k.h"
#include "kernels/cpu/quants/q5_0.h"
#include "kernels/cpu/quants/q5_1.h"
#include "kernels/cpu/quants/q5_k.h"
#include "kernels/cpu/quants/q6_k.h"
#include "kernels/cpu/quants/q8_0.h"
#include "kernels/cpu/quants/scaled_integers.h"

namespace deadlift::amx {
namespace {

constexpr Parts parts_of(Quant quant) {
  switch (quant) {
    case Quant::f16:
      return Parts::weights;
    case Quant::f32:
    case Quant::f64:
    case Quant::i16:
    case Quant::i32:
    case Quant::i64:
    case Quant::u16:
    case Quant::u32:
    case Quant::u64:
      return Parts::both;
    default:
      return Parts::one;
  }
}

// With the bits of a code as it is read; types without codes are decoded by the set of AVX-512.
template <Quant quant>
constexpr UnpackCodes codes_of = nullptr;
#define DEADLIFT_ROW(id, bits) \
  template <>                  \
  constexpr UnpackCodes codes_of<Quant::id> = unpack_tile_codes<id, bits>;
DEADLIFT_ROW(q8_0, 8)
DEADLIFT_ROW(q4_0, 4)
DEADLIFT_ROW(q4_1, 4)
DEADLIFT_ROW(q5_0, 5)
DEADLIFT_ROW(q5_1, 5)
DEADLIFT_ROW(q2_k, 2)
DEADLIFT_ROW(q3_k, 3)
DEADLIFT_ROW(q4_k, 4)
DEADLIFT_ROW(q5_k, 5)
DEADLIFT_ROW(q6_k, 6)
DEADLIFT_ROW(iq4_nl, 4)
DEADLIFT_ROW(iq4_xs, 4)
DEADLIFT_ROW(mxfp4, 4)
DEADLIFT_ROW(u4_scaled, 4)
DEADLIFT_ROW(u8_scaled, 8)
#undef DEADLIFT_ROW

// `fast`: one product of every type.
template <Quant quant, bool fast>
void linear(const Matrix& weight, int row, int rows, const Activations& x, float* out, int64_t out_stride,
            float* scratch) {
  constexpr int i = static_cast<int>(quant);
  constexpr Parts parts = fast ? Parts::one : parts_of(quant);
  const TileType type = {avx512::kernels.decode[i], codes_of<quant>,      parts,
                         quant == Quant::bf16,      quant_facts[i].block, quant_facts[i].bytes};
  linear_tiles(type, weight, row, rows, x, out, out_stride, scratch);
}

bool works() {
  return tiles_work(linear<Quant::f32, false>, linear<Quant::f16, false>, linear<Quant::bf16, false>,
                    linear<Quant::q8_0, false>);
}

}  // namespace

// Constant data: nothing of this file runs before it is chosen.
constinit const Products products = {
    .needs = "avx2 fma f16c avx512f avx512bw avx512dq avx512vl avx512_vnni avx512_bf16" DEADLIFT_TILE_NEEDS,
#define DEADLIFT_ROW(id, name, block, bytes) linear<Quant::id, false>,
    .linear = {DEADLIFT_QUANTS(DEADLIFT_ROW)},
#undef DEADLIFT_ROW
#define DEADLIFT_ROW(id, name, block, bytes) linear<Quant::id, true>,
    .fast_linear = {DEADLIFT_QUANTS(DEADLIFT_ROW)},
#undef DEADLIFT_ROW
    .pack = pack_tiles,
    .peak = peak_tiles,
    .peak_flops = peak_tiles_flops,
    .works = works,
};

}  // namespace deadlift::amx

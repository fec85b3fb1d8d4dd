// linear on AMX, whose set is that of AVX-512 otherwise; dispatch.cc puts them together.

#define DEADLIFT_ISA amx

// GCC 12's own avx512fintrin.h warns about its _mm512_undefined (GCC bug 105593).
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif

#include "kernels/cpu/isa/avx512.h"
#include "kernels/cpu/kernels.h"
#include "kernels/cpu/linear_tiles.h"

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

template <Quant quant>
void linear(const Matrix& weight, int row, int rows, const Activations& x, float* out, int64_t out_stride,
            float* scratch) {
  constexpr int i = static_cast<int>(quant);
  const TileType type = {avx512::kernels.decode[i], parts_of(quant), quant == Quant::bf16, quant_facts[i].block,
                         quant_facts[i].bytes};
  linear_tiles(type, weight, row, rows, x, out, out_stride, scratch);
}

}  // namespace
}  // namespace deadlift::amx

#include "kernels/cpu/check_tiles.h"

namespace deadlift::amx {

// Constant data: nothing of this file runs before it is chosen.
constinit const Products products = {
    .needs = "avx2 fma f16c avx512f avx512bw avx512dq avx512vl avx512_vnni avx512_bf16" DEADLIFT_TILE_NEEDS,
#define DEADLIFT_ROW(id, name, block, bytes) linear<Quant::id>,
    .linear = {DEADLIFT_QUANTS(DEADLIFT_ROW)},
#undef DEADLIFT_ROW
    .pack = pack_tiles,
    .works = tiles_work,
};

}  // namespace deadlift::amx

// IQ2_XXS: 256 values as 32 points of a grid of 256, with a scale per 32; value = d * (s + 1/2) / 4 * sign * point.
//
//   byte  0 1     2   3   4   5    6                   9
//        [d: F16][g0][g1][g2][g3][s|sign3|sign2|sign1|sign0] ... 8 times     block of 256 values, 66 bytes
//                                 4   7     7     7     7 bits               (ggml block_iq2_xxs)
//
// g: the point of eight neighbours; sign: theirs, the eighth from the other seven.

#include "kernels/cpu/quants/iq_grids.h"
#include "kernels/cpu/quants/iq_signs.h"

namespace deadlift::DEADLIFT_ISA {
namespace {

struct iq2_xxs {
  static constexpr int block = 256, bytes = 66;
  static constexpr int step = 32;
  static constexpr bool direct = false;

  struct Block {
    uint8_t d[2];
    uint8_t groups[8][8];
  };
  static_assert(sizeof(Block) == bytes);

  uint16_t points[4];
  uint32_t signs;
  vec scale;

  explicit iq2_xxs(const Block& at, int g) {
    for (int i = 0; i < 4; ++i) points[i] = at.groups[g][i];
    const uint32_t word = load_u32(at.groups[g] + 4);
    signs = even_signs(word);
    scale = splat(half_to_float(at.d) * (static_cast<float>(word >> 28) + 0.5f) * 0.25f);
  }
  explicit iq2_xxs(const uint8_t* row, int k)
      : iq2_xxs(reinterpret_cast<const Block*>(row)[k / block], k % block / step) {}
  vec part(int i) const {
    return flip(mul(load_points(iq2_xxs_grid.at, points + i * lanes / 8), scale), signs >> i * lanes);
  }
};

}  // namespace
}  // namespace deadlift::DEADLIFT_ISA

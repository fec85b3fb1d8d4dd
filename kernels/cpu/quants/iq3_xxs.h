// IQ3_XXS: 256 values as 64 points of a grid of 256, with a scale per 32; value = d * (s + 1/2) / 2 * sign * point.
//
//   byte  0 1     2        65   66                  69
//        [d: F16][g0] ... [g63][s|sign3|sign2|sign1|sign0] ... 8 times     block of 256 values, 98 bytes
//                               4   7     7     7     7 bits               (ggml block_iq3_xxs)
//
// g: the point of four neighbours; sign: those of eight, the eighth from the other seven.

#include "kernels/cpu/quants/iq_grids.h"
#include "kernels/cpu/quants/iq_signs.h"

namespace deadlift::DEADLIFT_ISA {
namespace {

struct iq3_xxs {
  static constexpr int block = 256, bytes = 98;
  static constexpr int step = 32;
  static constexpr bool direct = false;

  struct Block {
    uint8_t d[2];
    uint8_t points[8][8];
    uint8_t words[8][4];
  };
  static_assert(sizeof(Block) == bytes);

  uint16_t points[8];
  uint32_t signs;
  vec scale;

  explicit iq3_xxs(const Block& at, int g) {
    for (int i = 0; i < 8; ++i) points[i] = at.points[g][i];
    const uint32_t word = load_u32(at.words[g]);
    signs = even_signs(word);
    scale = splat(half_to_float(at.d) * (static_cast<float>(word >> 28) + 0.5f) * 0.5f);
  }
  explicit iq3_xxs(const uint8_t* row, int k)
      : iq3_xxs(reinterpret_cast<const Block*>(row)[k / block], k % block / step) {}
  vec part(int i) const {
    return flip(mul(load_points(iq3_xxs_grid.at, points + i * lanes / 4), scale), signs >> i * lanes);
  }
};

}  // namespace
}  // namespace deadlift::DEADLIFT_ISA

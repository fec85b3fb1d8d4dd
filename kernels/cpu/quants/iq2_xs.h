// IQ2_XS: 256 values as 32 points of a grid of 512, with a scale per 16; value = d * (s + 1/2) / 4 * sign * point.
//
//   byte  0 1     2      3            65      66            73
//        [d: F16][sign0 | g0] ... [sign31|g31][s1|s0] ... [s15|s14]     block of 256 values, 74 bytes
//                  7      9 bits                                        (ggml block_iq2_xs)
//
// g: the point of eight neighbours; sign: theirs, the eighth from the other seven.

#include "kernels/cpu/quants/iq_grids.h"
#include "kernels/cpu/quants/iq_signs.h"

namespace deadlift::DEADLIFT_ISA {
namespace {

struct iq2_xs {
  static constexpr int block = 256, bytes = 74;
  static constexpr int step = 16;
  static constexpr bool direct = false;

  struct Block {
    uint8_t d[2];
    uint8_t groups[16][4];
    uint8_t scales[8];
  };
  static_assert(sizeof(Block) == bytes);

  uint16_t points[2];
  uint32_t signs;
  vec scale;

  explicit iq2_xs(const Block& at, int g) {
    const uint32_t word = load_u32(at.groups[g]);
    points[0] = word & 511;
    points[1] = word >> 16 & 511;
    signs = even_signs((word >> 9 & 127) | (word >> 18 & 127 << 7));
    const int s = at.scales[g / 2] >> g % 2 * 4 & 15;
    scale = splat(half_to_float(at.d) * (static_cast<float>(s) + 0.5f) * 0.25f);
  }
  explicit iq2_xs(const uint8_t* row, int k)
      : iq2_xs(reinterpret_cast<const Block*>(row)[k / block], k % block / step) {}
  vec part(int i) const {
    return flip(mul(load_points(iq2_xs_grid.at, points + i * lanes / 8), scale), signs >> i * lanes);
  }
};

}  // namespace
}  // namespace deadlift::DEADLIFT_ISA

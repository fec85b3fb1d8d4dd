// IQ3_S: 256 values as 64 points of a grid of 512, with a scale per 32; value = d * (2 * s + 1) * sign * point.
//
//   byte  0 1     2        65   66                73   74            105      106         109
//        [d: F16][g0] ... [g63][h7 h6 ... h0] ... 8 [sign0] ... [sign31][s1|s0] ... [s7|s6]
//                               one bit each             block of 256 values, 110 bytes (ggml block_iq3_s)
//
// h|g: the point of four neighbours, one bit and eight; sign: those of eight, one bit each.

#include "kernels/cpu/quants/iq_grids.h"

namespace deadlift::DEADLIFT_ISA {
namespace {

struct iq3_s {
  static constexpr int block = 256, bytes = 110;
  static constexpr int step = 32;
  static constexpr bool direct = false;

  struct Block {
    uint8_t d[2];
    uint8_t low[8][8];
    uint8_t high[8];
    uint8_t signs[8][4];
    uint8_t scales[4];
  };
  static_assert(sizeof(Block) == bytes);

  uint16_t points[8];
  uint32_t signs;
  vec scale;

  explicit iq3_s(const Block& at, int g) : signs(load_u32(at.signs[g])) {
    for (int i = 0; i < 8; ++i) points[i] = static_cast<uint16_t>(at.low[g][i] | (at.high[g] >> i & 1) << 8);
    const int s = at.scales[g / 2] >> g % 2 * 4 & 15;
    scale = splat(half_to_float(at.d) * static_cast<float>(2 * s + 1));
  }
  explicit iq3_s(const uint8_t* row, int k) : iq3_s(reinterpret_cast<const Block*>(row)[k / block], k % block / step) {}
  vec part(int i) const {
    return flip(mul(load_points(iq3_s_grid.at, points + i * lanes / 4), scale), signs >> i * lanes);
  }
};

}  // namespace
}  // namespace deadlift::DEADLIFT_ISA

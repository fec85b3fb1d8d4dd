// IQ2_S: 256 values as 32 points of a grid of 1024, with a scale per 16; value = d * (s + 1/2) / 4 * sign * point.
//
//   byte  0 1     2        33   34            65      66                 73   74            81
//        [d: F16][g0] ... [g31][sign0] ... [sign31][h3|h2|h1|h0] ... 8 [s1|s0] ... [s15|s14]
//                                                                     block of 256 values, 82 bytes (ggml block_iq2_s)
//
// h|g: the point of eight neighbours, two bits and eight; sign: theirs, one bit each.

#include "kernels/cpu/quants/iq_grids.h"

namespace deadlift::DEADLIFT_ISA {
namespace {

struct iq2_s {
  static constexpr int block = 256, bytes = 82;
  static constexpr int step = 16;
  static constexpr bool direct = false;

  struct Block {
    uint8_t d[2];
    uint8_t low[16][2];
    uint8_t signs[16][2];
    uint8_t high[8];
    uint8_t scales[8];
  };
  static_assert(sizeof(Block) == bytes);

  uint16_t points[2];
  uint32_t signs;
  vec scale;

  explicit iq2_s(const Block& at, int g) : signs(load_u16(at.signs[g])) {
    const int high = at.high[g / 2] >> g % 2 * 4, s = at.scales[g / 2] >> g % 2 * 4 & 15;
    points[0] = static_cast<uint16_t>(at.low[g][0] | (high & 3) << 8);
    points[1] = static_cast<uint16_t>(at.low[g][1] | (high & 12) << 6);
    scale = splat(half_to_float(at.d) * (static_cast<float>(s) + 0.5f) * 0.25f);
  }
  explicit iq2_s(const uint8_t* row, int k) : iq2_s(reinterpret_cast<const Block*>(row)[k / block], k % block / step) {}
  vec part(int i) const {
    return flip(mul(load_points(iq2_s_grid.at, points + i * lanes / 8), scale), signs >> i * lanes);
  }
};

}  // namespace
}  // namespace deadlift::DEADLIFT_ISA

// IQ1_M: 256 values as 32 points of a grid of 2048, with a scale per 16; value = d * (2 * s + 1) * (point +- 1/8).
//
//   byte  0        31   32                      47                       48                 55
//        [g0] ... [g31][-1|h1|-0|h0] ... [-31|h31|-30|h30][d0-3|s3|s2|s1|s0] ... [d12-15|s15|s14|s13|s12]
//                        1  3  1  3 bits                    4    3  3  3  3 bits
//                                                         block of 256 values, 56 bytes (ggml block_iq1_m)
//
// h|g: the point of eight neighbours, three bits and eight; -: whether the 1/8 is subtracted; d: one F16 in pieces.

#include "kernels/cpu/quants/iq_grids.h"

namespace deadlift::DEADLIFT_ISA {
namespace {

struct iq1_m {
  static constexpr int block = 256, bytes = 56;
  static constexpr int step = 16;
  static constexpr bool direct = false;

  struct Block {
    uint8_t low[16][2];
    uint8_t high[16];
    uint8_t scales[4][2];
  };
  static_assert(sizeof(Block) == bytes);

  uint16_t points[2];
  uint32_t minus;  // whether the 1/8 is subtracted
  vec scale;

  static float d(const Block& at) {
    uint8_t half[2];
    for (int i = 0; i < 2; ++i) {
      half[i] = static_cast<uint8_t>(at.scales[2 * i][1] >> 4 | (at.scales[2 * i + 1][1] & 0xf0));
    }
    return half_to_float(half);
  }
  explicit iq1_m(const Block& at, int g) {
    const int high = at.high[g], s = load_u16(at.scales[g / 4]) >> 3 * (g % 4) & 7;
    points[0] = static_cast<uint16_t>(at.low[g][0] | (high & 7) << 8);
    points[1] = static_cast<uint16_t>(at.low[g][1] | (high >> 4 & 7) << 8);
    minus = (high & 8 ? 0xffu : 0u) | (high & 128 ? 0xff00u : 0u);
    scale = splat(d(at) * static_cast<float>(2 * s + 1));
  }
  explicit iq1_m(const uint8_t* row, int k) : iq1_m(reinterpret_cast<const Block*>(row)[k / block], k % block / step) {}
  vec part(int i) const {
    const vec shift = flip(splat(0.125f), minus >> i * lanes);
    return mul(add(load_points(iq1_grid.at, points + i * lanes / 8), shift), scale);
  }
};

}  // namespace
}  // namespace deadlift::DEADLIFT_ISA

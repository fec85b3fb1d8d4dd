// IQ1_S: 256 values as 32 points of a grid of 2048, with a scale per 32; value = d * (2 * s + 1) * (point +- 1/8).
//
//   byte  0 1     2        33   34              35
//        [d: F16][g0] ... [g31][-|s|h3|h2|h1|h0] ... 8 times     block of 256 values, 50 bytes
//                               1 3  3  3  3  3 bits             (ggml block_iq1_s)
//
// h|g: the point of eight neighbours, three bits and eight; -: whether the 1/8 is subtracted.

#include "kernels/cpu/quants/iq_grids.h"

namespace deadlift::DEADLIFT_ISA {
namespace {

struct iq1_s {
  static constexpr int block = 256, bytes = 50;
  static constexpr int step = 32;
  static constexpr bool direct = false;

  struct Block {
    uint8_t d[2];
    uint8_t low[8][4];
    uint8_t words[8][2];
  };
  static_assert(sizeof(Block) == bytes);

  uint16_t points[4];
  vec shift, scale;

  explicit iq1_s(const Block& at, int g) {
    const int word = load_u16(at.words[g]);
    for (int i = 0; i < 4; ++i) points[i] = static_cast<uint16_t>(at.low[g][i] | (word >> 3 * i & 7) << 8);
    shift = splat(word & 0x8000 ? -0.125f : 0.125f);
    scale = splat(half_to_float(at.d) * static_cast<float>(2 * (word >> 12 & 7) + 1));
  }
  explicit iq1_s(const uint8_t* row, int k) : iq1_s(reinterpret_cast<const Block*>(row)[k / block], k % block / step) {}
  vec part(int i) const { return mul(add(load_points(iq1_grid.at, points + i * lanes / 8), shift), scale); }
};

}  // namespace
}  // namespace deadlift::DEADLIFT_ISA

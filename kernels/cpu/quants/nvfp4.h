// NVFP4: four groups of 16 four-bit floats (E2M1), each with an eight-bit float as its scale; value = d * doubled.
//
//   byte  0   3    4       5            11             35
//        [d0-d3]  [q8|q0 ][q9|q1 ] ... [q15|q7 ] ...        block of 64 values, 36 bytes (ggml block_nvfp4)
//                  high|low nibble, 8 bytes a group
//
// d is half of an E4M3 (a sign, which is ignored, four bits of exponent with bias 7, three of mantissa), because the
// table holds the floats doubled; 0x7f, a NaN, is 0 as in ggml.

#include "kernels/cpu/quants/mxfp4.h"

namespace deadlift::DEADLIFT_ISA {
namespace {

struct nvfp4 {
  static constexpr int block = 64, bytes = 36;
  static constexpr int step = 16;
  static constexpr bool direct = false;

  struct Block {
    uint8_t d[4];
    uint8_t q[4][8];
  };
  static_assert(sizeof(Block) == bytes);

  const uint8_t* q;
  nibbles values;

  static float scale(uint32_t bits) {
    if (bits == 0x7f) return 0;
    const uint32_t exponent = bits >> 3 & 15, mantissa = bits & 7;
    return exponent ? bits_to_float((exponent + 119) << 23 | mantissa << 20) : static_cast<float>(mantissa) * 0x1p-10f;
  }
  explicit nvfp4(const Block& at, int g) : q(at.q[g]), values(e2m1_levels, scale(at.d[g])) {}
  explicit nvfp4(const uint8_t* row, int k) : nvfp4(reinterpret_cast<const Block*>(row)[k / block], k % block / step) {}
  vec part(int i) const { return values.of_eight(q, i * lanes); }
};

}  // namespace
}  // namespace deadlift::DEADLIFT_ISA

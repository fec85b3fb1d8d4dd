// TQ2_0: 256 ternary numbers, four in a byte, with one scale; value = d * (q - 1).
//
//   byte  0                         31                  32                                   64 65
//        [q96  q64  q32  q0 ] ... [q127 q95  q63  q31 ][q224 q192 q160 q128] ... 32 of them [d: F16]
//         high bits ... low bits                           block of 256 values, 66 bytes (ggml block_tq2_0)
//
// q = 3, twice the scale, is a value that no encoder writes.

#include "kernels/cpu/quants/k_groups.h"

namespace deadlift::DEADLIFT_ISA {
namespace {

struct tq2_0 {
  static constexpr int block = 256, bytes = 66;
  static constexpr int step = block;
  static constexpr bool direct = false;

  struct Block {
    uint8_t q[64];
    uint8_t d[2];
  };
  static_assert(sizeof(Block) == bytes);

  const Block* at;
  vec d;

  explicit tq2_0(const uint8_t* row, int k)
      : at(reinterpret_cast<const Block*>(row) + k / block), d(splat(half_to_float(at->d))) {}
  vec part(int i) const { return mul(to_float(sub(run_codes<2>(at->q, i * lanes), splat_int(1))), d); }
};

}  // namespace
}  // namespace deadlift::DEADLIFT_ISA

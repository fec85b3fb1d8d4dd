// The words for the matrix unit, AMX tiles of bf16: eight tiles, each of 16 rows of 64 bytes. Intel SDM volume 2,
// chapter 3
// ("AMX instructions").

#pragma once

#include <stdint.h>

#ifdef DEADLIFT_EMULATE_TILES
#include "kernels/cpu/isa/emulated_tiles.h"
#else

namespace deadlift::DEADLIFT_ISA {
namespace {

// What the processor must have for them, beside what the other words need.
#define DEADLIFT_TILE_NEEDS " amx_tile amx_bf16"

// Written out, not as intrinsics: in GCC those take no numbers that are template arguments, and those of GCC 12 do not
// say that they read memory.

// All tiles whole and zero. A thread that has tiles in use costs 8 KiB at every switch, so they are released after each
// piece of work.
inline void open_tiles() {
  struct alignas(64) {
    uint8_t palette = 1, start_row = 0, reserved[14] = {};
    uint16_t row_bytes[16] = {64, 64, 64, 64, 64, 64, 64, 64};
    uint8_t rows[16] = {16, 16, 16, 16, 16, 16, 16, 16};
  } const shape;
  static_assert(sizeof shape == 64);
  __asm__ volatile("ldtilecfg %0" : : "m"(shape) : "memory");
}
inline void close_tiles() { __asm__ volatile("tilerelease" : : : "memory"); }

template <int tile>
[[gnu::always_inline]] inline void clear_tile() {
  __asm__ volatile("tilezero %%tmm%c0" : : "i"(tile) : "memory");
}
template <int tile>
[[gnu::always_inline]] inline void load_tile(const void* p, int64_t stride) {
  __asm__ volatile("tileloadd (%0,%1,1), %%tmm%c2" : : "r"(p), "r"(stride), "i"(tile) : "memory");
}
template <int tile>
[[gnu::always_inline]] inline void store_tile(void* p, int64_t stride) {
  __asm__ volatile("tilestored %%tmm%c2, (%0,%1,1)" : : "r"(p), "r"(stride), "i"(tile) : "memory");
}

// sums[m][n] += a[m][k] * b[k / 2][2 * n + k % 2] for k of 0 to 31: sums of f32, a and b of bf16.
template <int sums, int a, int b>
[[gnu::always_inline]] inline void multiply_tiles() {
  __asm__ volatile("tdpbf16ps %%tmm%c2, %%tmm%c1, %%tmm%c0" : : "i"(sums), "i"(a), "i"(b) : "memory");
}

}  // namespace
}  // namespace deadlift::DEADLIFT_ISA

#endif

// The words of tiles.h without a matrix unit, for tests on machines that have none: to the bit as the SDM defines them.

#pragma once

#include <immintrin.h>
#include <stdint.h>
#include <string.h>

namespace deadlift::DEADLIFT_ISA {
namespace {

#define DEADLIFT_TILE_NEEDS ""

struct alignas(64) EmulatedTile {
  uint8_t row[16][64];
};

inline thread_local EmulatedTile emulated_tiles[8];
inline thread_local bool tiles_open = false;

// What faults there is an error here, too: a tile in use while they are not open.
inline EmulatedTile& emulated_tile(int tile) {
  if (!tiles_open) __builtin_trap();
  return emulated_tiles[tile];
}

inline void open_tiles() {
  if (tiles_open) __builtin_trap();  // the one before was left open
  memset(emulated_tiles, 0, sizeof emulated_tiles);
  tiles_open = true;
}
inline void close_tiles() { tiles_open = false; }

template <int tile>
inline void clear_tile() {
  memset(&emulated_tile(tile), 0, sizeof(EmulatedTile));
}
template <int tile>
inline void load_tile(const void* p, int64_t stride) {
  for (int i = 0; i < 16; ++i) memcpy(emulated_tile(tile).row[i], static_cast<const uint8_t*>(p) + i * stride, 64);
}
template <int tile>
inline void store_tile(void* p, int64_t stride) {
  for (int i = 0; i < 16; ++i) memcpy(static_cast<uint8_t*>(p) + i * stride, emulated_tile(tile).row[i], 64);
}

// Sums of the even and of the odd columns, each by fused multiply-add, are added to each other and then to what was
// there; rounded to nearest even, subnormal numbers taken and given as zero, whatever the thread's own mode is.
[[gnu::noinline]] inline void multiply_emulated(EmulatedTile& sums, const EmulatedTile& a, const EmulatedTile& b) {
  const uint32_t before = _mm_getcsr();
  const uint32_t mode = 0x9fc0;  // flush to zero, nearest even, all exceptions masked, subnormals are zeros
  __asm__ volatile("ldmxcsr %0" : : "m"(mode) : "memory");
  const __m512i high = _mm512_set1_epi32(static_cast<int>(0xffff0000));
  for (int m = 0; m < 16; ++m) {
    __m512 even = _mm512_setzero_ps(), odd = _mm512_setzero_ps();
    for (int k = 0; k < 16; ++k) {
      uint32_t pair;
      memcpy(&pair, a.row[m] + 4 * k, 4);
      const __m512i weights = _mm512_set1_epi32(static_cast<int>(pair)), x = _mm512_load_si512(b.row[k]);
      const auto low = [](__m512i v) { return _mm512_castsi512_ps(_mm512_slli_epi32(v, 16)); };
      const auto upper = [&](__m512i v) { return _mm512_castsi512_ps(_mm512_and_si512(v, high)); };
      even = _mm512_fmadd_ps(low(weights), low(x), even);
      odd = _mm512_fmadd_ps(upper(weights), upper(x), odd);
    }
    _mm512_store_ps(sums.row[m], _mm512_add_ps(_mm512_load_ps(sums.row[m]), _mm512_add_ps(even, odd)));
  }
  __asm__ volatile("ldmxcsr %0" : : "m"(before) : "memory");
}

template <int sums, int a, int b>
inline void multiply_tiles() {
  multiply_emulated(emulated_tile(sums), emulated_tile(a), emulated_tile(b));
}

}  // namespace
}  // namespace deadlift::DEADLIFT_ISA

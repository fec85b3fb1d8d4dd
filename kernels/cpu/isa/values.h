// Words that are the same on all instruction sets: bits of numbers, numbers at any alignment, tables of levels.

#include <stdint.h>
#include <string.h>

namespace deadlift::DEADLIFT_ISA {
namespace {

inline float bits_to_float(uint32_t bits) {
  float value;
  memcpy(&value, &bits, 4);
  return value;
}

inline uint32_t float_to_bits(float value) {
  uint32_t bits;
  memcpy(&bits, &value, 4);
  return bits;
}

inline uint16_t load_u16(const void* p) {
  uint16_t value;
  memcpy(&value, p, 2);
  return value;
}

inline uint32_t load_u32(const void* p) {
  uint32_t value;
  memcpy(&value, p, 4);
  return value;
}

// What 16 codes mean, in the forms that instruction sets look up.
struct Levels {
  alignas(64) float number[16];
  alignas(16) int8_t whole[16];
};

// Rows `stride` bytes apart, from a place in the first one on.
struct Strip {
  const uint8_t* at;
  int64_t stride;
  // By fours: that takes few registers.
  const uint8_t* row(int i) const { return at + i / 4 * (4 * stride) + i % 4 * stride; }
};

template <class... Whole>
constexpr Levels make_levels(Whole... whole) {
  static_assert(sizeof...(whole) == 16);
  return {{static_cast<float>(whole)...}, {static_cast<int8_t>(whole)...}};
}

// 32 activations as integers of 8 bits in each plane, x = scale * n. Of two planes n is so small that both bytes of
// n + 128 less 128 are signed ones. NaN and infinity make the scale NaN or infinite.
struct CodeScale {
  float scale, inverse;
  CodeScale(float most, float largest) : scale(most / largest), inverse(most > 1e-30f ? largest / most : 0) {}
  // `first`, `last`: the sums over n of 16 each.
  void store(float* facts, int first, int last) const {
    const float a = static_cast<float>(first), b = static_cast<float>(last);
    facts[0] = scale, facts[1] = scale * (a + b), facts[2] = scale * a, facts[3] = scale * b;
  }
};

}  // namespace
}  // namespace deadlift::DEADLIFT_ISA

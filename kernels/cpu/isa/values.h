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

template <class... Whole>
constexpr Levels make_levels(Whole... whole) {
  static_assert(sizeof...(whole) == 16);
  return {{static_cast<float>(whole)...}, {static_cast<int8_t>(whole)...}};
}

}  // namespace
}  // namespace deadlift::DEADLIFT_ISA

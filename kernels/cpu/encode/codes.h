// Codes of 32 neighbours that share one scale, as ggml's reference quantisers of Q4_0 to Q5_1 find and round them.
//
// Where a scale is so small, or so large, that it has no inverse, all codes are 0, as the reference has it on x86.

#pragma once

namespace deadlift::DEADLIFT_ISA {
namespace {

// The value of largest magnitude of 32, the first of equals; 0 where there are none but zeros.
inline float largest_of_32(const float* values) {
  constexpr uint32_t magnitude = 0x7fffffff;  // whose bits are ordered as it is
  uint32_t most = 0;
  for (int i = 0; i < 32; ++i) {
    const uint32_t bits = float_to_bits(values[i]) & magnitude;
    most = bits > most ? bits : most;
  }
  if (most == 0) return 0;
  while ((float_to_bits(*values) & magnitude) != most) ++values;
  return *values;
}

// The least of 32 values, of zeros the first; and the greatest.
inline float least_of_32(const float* values, float& greatest) {
  vec low = load(values), high = low;
  for (int i = lanes; i < 32; i += lanes) low = min(low, load(values + i)), high = max(high, load(values + i));
  greatest = largest(high);
  const float least = -largest(sub(zero(), low));
  if (least != 0) return least;
  while (*values != 0) ++values;
  return *values;
}

// Codes from the middle, whose lowest times the scale is the value of largest magnitude: met exactly, whatever its
// sign. Returns the scale.
template <int bits>
float centred_codes(const float* values, uint8_t* codes) {
  constexpr int middle = 1 << (bits - 1);
  const float d = largest_of_32(values) / -middle, inverse = finite_inverse(d);
  if (d != 0 && inverse == 0) {
    memset(codes, 0, 32);
    return d;
  }
  for (int i = 0; i < 32; ++i) {
    const int code = static_cast<int>(values[i] * inverse + (middle + 0.5f));
    codes[i] = static_cast<uint8_t>(code < 2 * middle ? code : 2 * middle - 1);
  }
  return d;
}

// Codes from the least value in steps of the scale, which is returned, up to the greatest.
template <int bits>
float range_codes(const float* values, float& least, uint8_t* codes) {
  constexpr int highest = (1 << bits) - 1;
  float greatest;
  least = least_of_32(values, greatest);
  const float d = greatest == least ? 0 : (greatest - least) / highest, inverse = finite_inverse(d);
  if (inverse == 0) {
    memset(codes, 0, 32);
    return d;
  }
  for (int i = 0; i < 32; ++i) {
    const int code = static_cast<int>((values[i] - least) * inverse + 0.5f);
    codes[i] = static_cast<uint8_t>(code < highest ? code : highest);
  }
  return d;
}

// The low four bits of 32 codes: code i in the low half of byte i, code 16 + i in the high half.
inline void put_nibbles(const uint8_t* codes, uint8_t* out) {
  for (int i = 0; i < 16; ++i) out[i] = static_cast<uint8_t>((codes[i] & 15) | codes[16 + i] << 4);
}

// The fifth bits of 32 codes: bit i of four bytes is that of code i.
inline void put_fifth_bits(const uint8_t* codes, uint8_t* out) {
  uint32_t all = 0;
  for (int i = 0; i < 32; ++i) all |= static_cast<uint32_t>(codes[i] >> 4) << i;
  memcpy(out, &all, 4);
}

}  // namespace
}  // namespace deadlift::DEADLIFT_ISA

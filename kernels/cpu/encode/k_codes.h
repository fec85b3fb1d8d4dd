// How the K-quants lay out the bits of 256 codes, and the six-bit scales of Q4_K and Q5_K.
//
// Codes are taken in runs of 32, which fill the same 32 bytes from the lowest bits on; a full byte ends the run of
// bytes: of two bits, codes 0, 32, 64 and 96 share byte 0; of four bits, 0 and 32; of one bit, 0, 32, ... 224.

#pragma once

namespace deadlift::DEADLIFT_ISA {
namespace {

// Writes bits [first, first + width) of 256 codes.
template <int first, int width>
void put_codes(const uint8_t* codes, uint8_t* out) {
  constexpr int runs = 8 / width, mask = (1 << width) - 1;
  for (int part = 0; part < width; ++part, codes += 32 * runs, out += 32) {
    for (int i = 0; i < 32; ++i) {
      uint8_t byte = 0;
      for (int run = 0; run < runs; ++run) {
        byte = static_cast<uint8_t>(byte | (codes[32 * run + i] >> first & mask) << width * run);
      }
      out[i] = byte;
    }
  }
}

// Scales and least values of eight groups (layout: SixBitGroups in quants/k_groups.h).
inline void put_six_bits(const uint8_t* scales, const uint8_t* leasts, uint8_t* out) {
  for (int j = 0; j < 4; ++j) {
    out[j] = static_cast<uint8_t>(scales[j] | scales[j + 4] >> 4 << 6);
    out[4 + j] = static_cast<uint8_t>(leasts[j] | leasts[j + 4] >> 4 << 6);
    out[8 + j] = static_cast<uint8_t>((scales[j + 4] & 15) | leasts[j + 4] << 4);
  }
}

}  // namespace
}  // namespace deadlift::DEADLIFT_ISA

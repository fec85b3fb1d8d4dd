// Signs of the IQ types, seven stored bits for eight weights.

#pragma once

namespace deadlift::DEADLIFT_ISA {
namespace {

// Four times eight signs from four times seven bits: the number of minus signs is always even, which gives the eighth.
inline uint32_t even_signs(uint32_t sevens) {
  const uint32_t signs =
      (sevens & 127) | (sevens >> 7 & 127) << 8 | (sevens >> 14 & 127) << 16 | (sevens >> 21 & 127) << 24;
  uint32_t parity = signs ^ signs >> 4;  // of each byte, in its lowest bit
  parity ^= parity >> 2;
  parity ^= parity >> 1;
  return signs | (parity & 0x01010101) << 7;
}

}  // namespace
}  // namespace deadlift::DEADLIFT_ISA

// Scales and least values of the groups of K-quant blocks, as the floats they stand for.
//
// A half times an integer of eight bits is exact in f32, and so is that times a code: value = scale * q + least rounds
// once, at the addition, whether or not fma rounds its product.

#pragma once

#include "kernels/cpu/strip.h"

namespace deadlift::DEADLIFT_ISA {
namespace {

// Floats for n groups, in whole vectors.
constexpr int group_floats(int n) { return n < lanes ? lanes : n; }

// Q2_K: 16 groups; a byte holds the scale in its low half and the least value in its high half.
struct FourBitGroups {
  float scale[group_floats(16)], least[group_floats(16)];

  FourBitGroups(const uint8_t* codes, float d, float dmin) {
    for (int i = 0; i < 16; i += lanes) {
      const ints both = load_u8(codes + i);
      store(scale + i, mul(to_float(bit_and(both, splat_int(15))), splat(d)));
      store(least + i, mul(to_float(shift_right(both, 4)), splat(-dmin)));
    }
  }
};

// Q4_K and Q5_K: 8 groups of six bits each in 12 bytes.
//
//   byte  0 ... 3                   4 ... 7                   8 ... 11
//        [s4 high two|s0 all six]  [m4 high two|m0 all six]  [m4 low four|s4 low four]      and so on for 1 to 3
struct SixBitGroups {
  float scale[8], least[8];

  SixBitGroups(const uint8_t* codes, float d, float dmin) {
    const uint32_t s = load_u32(codes), m = load_u32(codes + 4), rest = load_u32(codes + 8);
    const uint32_t all[4] = {s & 0x3f3f3f3f, (rest & 0x0f0f0f0f) | (s >> 2 & 0x30303030), m & 0x3f3f3f3f,
                             (rest >> 4 & 0x0f0f0f0f) | (m >> 2 & 0x30303030)};
    float both[16];
    scale_eights(both, reinterpret_cast<const uint8_t*>(all), d, -dmin);
    memcpy(scale, both, sizeof scale), memcpy(least, both + 8, sizeof least);
  }

  // The same of rows side by side, whose blocks begin with d and dmin.
  static void facts(const Strip& rows, GroupFacts facts) {
    ints words[4];
    row_words(rows, 0, words);
    const vec d = low_halves(words[0]), dmin = mul(low_halves(shift_right(words[0], 16)), splat(-1));
#pragma GCC unroll 8
    for (int g = 0; g < 8; ++g) {
      const int byte = g % 4 * 8;
      const auto bits = [&](ints word, int from, int mask) {
        return bit_and(shift_right(word, byte + from), splat_int(mask));
      };
      const auto high = [&](ints word) { return shift_left(bits(word, 6, 3), 4); };
      const ints s = g < 4 ? bits(words[1], 0, 63) : bit_or(bits(words[3], 0, 15), high(words[1]));
      const ints m = g < 4 ? bits(words[2], 0, 63) : bit_or(bits(words[3], 4, 15), high(words[2]));
      facts.set(g, mul(to_float(s), d), mul(to_float(m), dmin));
    }
  }
};

// Q3_K: 16 scales of six bits less 32, in 12 bytes.
//
//   byte  0      ...  7        8              ...  11
//        [s8|s0]     [s15|s7] [s12|s8|s4|s0] ...        low four bits, then high two
struct CentredGroups {
  float scale[group_floats(16)];

  CentredGroups(const uint8_t* codes, float d) {
    uint32_t a, b, high;
    memcpy(&a, codes, 4), memcpy(&b, codes + 4, 4), memcpy(&high, codes + 8, 4);
    const uint32_t all[4] = {(a & 0x0f0f0f0f) | (high << 4 & 0x30303030), (b & 0x0f0f0f0f) | (high << 2 & 0x30303030),
                             (a >> 4 & 0x0f0f0f0f) | (high & 0x30303030),
                             (b >> 4 & 0x0f0f0f0f) | (high >> 2 & 0x30303030)};
    const uint8_t* bytes = reinterpret_cast<const uint8_t*>(all);
    for (int i = 0; i < 16; i += lanes) {
      store(scale + i, mul(to_float(sub(load_u8(bytes + i), splat_int(32))), splat(d)));
    }
  }
};

// Byte `at` of each word, with its sign.
inline ints signed_byte(ints words, int at) {
  const ints moved = add(shift_right(words, at * 8), splat_int(128));
  return sub(bit_and(moved, splat_int(255)), splat_int(128));
}

// Q6_K: 16 signed bytes.
struct SignedGroups {
  float scale[group_floats(16)];

  SignedGroups(const int8_t* codes, float d) {
    for (int i = 0; i < 16; i += lanes) store(scale + i, mul(load_i8(codes + i), splat(d)));
  }
};

}  // namespace
}  // namespace deadlift::DEADLIFT_ISA

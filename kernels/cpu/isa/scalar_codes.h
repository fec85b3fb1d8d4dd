// The words for codes in plain C++: their meaning. Codes are the whole numbers of 8 bits that a type stores.

#include "kernels/cpu/isa/scalar.h"

namespace deadlift::DEADLIFT_ISA {
namespace {

// Codes: 32 bytes of `octet_rows` rows each, of which octet_row(v) is the first in vector v of store_codes.
constexpr int octet_rows = 1;
struct octets {
  uint8_t v[32];
};
constexpr int octet_row(int vector) { return vector; }

inline octets load_octets(const Strip& rows, int i, int offset) {
  octets r;
  memcpy(&r, rows.row(i) + offset, sizeof r);
  return r;
}
// Of 16 bytes the low halves, then the high ones.
inline octets load_nibbles(const Strip& rows, int i, int offset) {
  octets r;
  const uint8_t* const from = rows.row(i) + offset;
  for (int c = 0; c < 32; ++c) r.v[c] = from[c % 16] >> c / 16 * 4 & 15;
  return r;
}
// `value` where one of 32 bits is set.
inline octets load_bits(const Strip& rows, int i, int offset, int value) {
  octets r;
  const uint32_t bits = load_u32(rows.row(i) + offset);
  for (int c = 0; c < 32; ++c) r.v[c] = static_cast<uint8_t>(bits >> c & 1 ? value : 0);
  return r;
}
// By byte: a >> shift & mask; a << shift, which must not overflow; or; plus 128; what signed levels stand for codes.
inline octets pick(octets a, int shift, int mask) {
  for (uint8_t& code : a.v) code = static_cast<uint8_t>(code >> shift & mask);
  return a;
}
inline octets raise(octets a, int shift) {
  for (uint8_t& code : a.v) code = static_cast<uint8_t>(code << shift);
  return a;
}
inline octets join(octets a, octets b) {
  for (int i = 0; i < 32; ++i) a.v[i] |= b.v[i];
  return a;
}
inline octets add128(octets a) {
  for (uint8_t& code : a.v) code ^= 128;
  return a;
}
inline octets look_up(const Levels& levels, octets codes) {
  for (uint8_t& code : codes.v) code = static_cast<uint8_t>(levels.whole[code]);
  return codes;
}

// A lane of `ints` has `dot_columns` codes of a row, and meets that many numbers of a token. Where numbers have several
// planes, those of the upper one for all 32 columns come first, and the sums so far are then shifted. `fast_planes`: of
// activations in 8 bits, where that is less work.
constexpr int dot_columns = 2, dot_planes = 1, fast_planes = 1, dot_plane_bits = 0;
constexpr int codes_tokens = 2, dot_unroll = 1;

// out // (32 / dot_columns, lanes) of `dot_columns` codes.
inline void store_codes(uint8_t* out, const octets (&rows)[lanes]) {
  for (int i = 0; i < 16; ++i) {
    for (const octets& row : rows) {
      const uint16_t pair[2] = {row.v[2 * i], row.v[2 * i + 1]};
      memcpy(out, pair, sizeof pair), out += sizeof pair;
    }
  }
}

// The word at `at` of each row; the four from there on.
inline ints row_words(const Strip& strip, int64_t at) {
  ints r;
  for (int i = 0; i < lanes; ++i) r.v[i] = static_cast<int32_t>(load_u32(strip.row(i) + at));
  return r;
}
inline void row_words(const Strip& strip, int64_t at, ints (&out)[4]) {
  for (int i = 0; i < 4; ++i) out[i] = row_words(strip, at + 4 * i);
}
// The F16 in the low half of each.
inline vec low_halves(ints a) {
  vec r;
  for (int i = 0; i < lanes; ++i) r.v[i] = half_bits_to_float(static_cast<uint16_t>(a.v[i]));
  return r;
}

inline ints load_ints(const uint8_t* p) {
  ints r;
  memcpy(&r, p, sizeof r);
  return r;
}
inline ints splat_word(const uint8_t* p) { return splat_int(static_cast<int>(load_u32(p))); }
inline ints dot(ints sums, ints codes, ints x) {
  for (int i = 0; i < lanes; ++i) {
    int16_t c[2], n[2];
    memcpy(c, &codes.v[i], sizeof c), memcpy(n, &x.v[i], sizeof n);
    sums.v[i] += c[0] * n[0] + c[1] * n[1];
  }
  return sums;
}

// What `dot` made of a group, whole: facts[part] is the sum over n times the scale, facts[0].
inline ints whole_dots(ints dots, const float*, int) { return dots; }

// Of 32 columns of each row, the sums over codes * n of the first 16 and of the others.
template <int planes>
inline void dot_rows(const octets (&rows)[lanes], const uint8_t* x, ints& first, ints& last) {
  int16_t n[32];
  memcpy(n, x, sizeof n);
  for (int i = 0; i < lanes; ++i) {
    first.v[i] = last.v[i] = 0;
    for (int c = 0; c < 16; ++c) first.v[i] += rows[i].v[c] * n[c], last.v[i] += rows[i].v[16 + c] * n[16 + c];
  }
}

// Packs 32 activations into 64 bytes, in the order that `dot` meets them, and their four facts; see linear_codes.h.
template <int planes>
inline void pack_codes(const float* x, uint8_t* out, float* facts) {
  uint32_t most = 0;
  for (int i = 0; i < 32; ++i) {
    const uint32_t magnitude = float_to_bits(x[i]) & 0x7fffffffu;
    most = magnitude > most ? magnitude : most;
  }
  const CodeScale scale(bits_to_float(most), 127 * 256 + 127);
  int16_t numbers[32];
  int sums[2] = {};
  for (int i = 0; i < 32; ++i) {
    const float n = x[i] * scale.inverse;
    numbers[i] = n == n ? static_cast<int16_t>(rintf(n)) : int16_t{0};
    sums[i / 16] += numbers[i];
  }
  memcpy(out, numbers, sizeof numbers);
  scale.store(facts, sums[0], sums[1]);
}

}  // namespace
}  // namespace deadlift::DEADLIFT_ISA

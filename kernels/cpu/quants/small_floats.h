// Floating-point numbers of at most eight bits: F8, F6 and F4, with the scales of the OCP formats.
//
//   F8_E4M3      byte [seeeemmm]   bias 7; no infinities, NaN where all of e and m are set
//   F8_E5M2      byte [seeeeemm]   bias 15; the upper half of an F16
//   F8_E4M3FNUZ  byte [seeeemmm]   bias 8; no infinities, no -0, whose code is NaN
//   F8_E5M2FNUZ  byte [seeeeemm]   bias 16; likewise
//   F8_E8M0      byte [eeeeeeee]   2^(e - 127), 255 is NaN
//   F6_E2M3      [seemmm] bias 1, F6_E3M2 [seeemm] bias 3: neither infinities nor NaN; 4 values in 3 bytes
//   F4           [seem] bias 1: likewise; 2 values in a byte
//
// Packed values follow each other from the lowest bit on: value i of a block starts at its bit 6 i or 4 i.

namespace deadlift::DEADLIFT_ISA {
namespace {

// Which codes are no finite numbers.
enum class Specials { ieee, minus_zero, none };

constexpr float power_of_two(int n) {
  float value = 1;
  for (; n > 0; --n) value *= 2;
  for (; n < 0; ++n) value /= 2;
  return value;
}

// What all codes mean.
template <int bits>
struct Values {
  float of[1 << bits];
};

template <int exponent, int mantissa, int bias, Specials specials>
constexpr auto values_of() {
  constexpr int half = 1 << (exponent + mantissa);
  Values<exponent + mantissa + 1> values{};
  for (int code = 0; code < 2 * half; ++code) {
    const int magnitude = code % half, e = magnitude >> mantissa, m = magnitude % (1 << mantissa);
    const float value = e ? static_cast<float>((1 << mantissa) + m) * power_of_two(e - bias - mantissa)
                          : static_cast<float>(m) * power_of_two(1 - bias - mantissa);
    values.of[code] = code < half ? value : -value;
    const bool top = specials == Specials::ieee && e == (1 << exponent) - 1;
    if (top) values.of[code] = code < half ? __builtin_inff() : -__builtin_inff();
    const bool nan = (top && m) || (specials == Specials::minus_zero && code == half);
    if (nan) values.of[code] = __builtin_nanf("");
  }
  return values;
}

constexpr Values<8> powers_of_two() {
  Values<8> values{};
  for (int e = 0; e < 255; ++e) values.of[e] = power_of_two(e - 127);
  values.of[255] = __builtin_nanf("");
  return values;
}

constexpr auto e5m2_values = values_of<5, 2, 15, Specials::ieee>();
constexpr auto e4m3fnuz_values = values_of<4, 3, 8, Specials::minus_zero>();
constexpr auto e5m2fnuz_values = values_of<5, 2, 16, Specials::minus_zero>();
constexpr auto e8m0_values = powers_of_two();
constexpr auto e2m3_values = values_of<2, 3, 1, Specials::none>();
constexpr auto e3m2_values = values_of<3, 2, 3, Specials::none>();
constexpr auto e2m1_values = values_of<2, 1, 1, Specials::none>();

template <int bits, const Values<bits>& values>
struct coded {
  static constexpr int block = bits == 8 ? 1 : bits == 4 ? 2 : 4, bytes = block * bits / 8;
  static constexpr int step = lanes;  // values opened at once
  static constexpr bool direct = false;
  static_assert(lanes % 4 == 0);

  const uint8_t* at;

  explicit coded(const uint8_t* row, int k) : at(row + int64_t{k} / block * bytes) {}
  vec part(int) const { return first_values(at, lanes); }
  static vec tail(const uint8_t* row, int k, int n) { return first_values(row + int64_t{k} / block * bytes, n); }

  static vec first_values(const uint8_t* from, int n) {
    float out[lanes] = {};
    for (int i = 0; i < n; ++i) {
      const int bit = i * bits, shift = bit % 8;
      int word = from[bit / 8];
      if (shift + bits > 8) word |= from[bit / 8 + 1] << 8;
      out[i] = values.of[word >> shift & ((1 << bits) - 1)];
    }
    return load(out);
  }
};

// Checkpoints are published in this one, so it has more than a table.
struct f8_e4m3 {
  static constexpr int block = 1, bytes = 1;
  static constexpr int step = lanes;  // values opened at once
  static constexpr bool direct = true;

  const uint8_t* at;

  explicit f8_e4m3(const uint8_t* row, int k) : at(row + k) {}
  vec part(int) const { return load_f8(at); }
  static vec tail(const uint8_t* row, int k, int n) { return load_f8_part(row + k, n); }
};

using f8_e5m2 = coded<8, e5m2_values>;
using f8_e4m3fnuz = coded<8, e4m3fnuz_values>;
using f8_e5m2fnuz = coded<8, e5m2fnuz_values>;
using f8_e8m0 = coded<8, e8m0_values>;
using f6_e2m3 = coded<6, e2m3_values>;
using f6_e3m2 = coded<6, e3m2_values>;
using f4 = coded<4, e2m1_values>;

}  // namespace
}  // namespace deadlift::DEADLIFT_ISA

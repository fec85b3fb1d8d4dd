// The plain numbers that no kernel is fast for: F64, I8 to I64, U8 to U64 and BOOL, little-endian; the nearest F32.
//
//   byte  0    n - 1
//        [ value ]        block of 1 value, n = 1, 2, 4 or 8 bytes; BOOL is one byte, true where it is not 0

namespace deadlift::DEADLIFT_ISA {
namespace {

template <class Number>
inline float to_nearest(Number value) {
  return static_cast<float>(value);
}

struct Truth {
  uint8_t byte;
};
inline float to_nearest(Truth value) { return value.byte ? 1.0f : 0.0f; }

// A vector of them.
template <class Number>
inline vec load_numbers(const uint8_t* from, int n) {
  float values[lanes] = {};
  for (int i = 0; i < n; ++i) {
    Number number;
    memcpy(&number, from + i * sizeof number, sizeof number);
    values[i] = to_nearest(number);
  }
  return load(values);
}
template <class Number>
inline vec load_numbers(const uint8_t* from) {
  return load_numbers<Number>(from, lanes);
}
template <>
inline vec load_numbers<int8_t>(const uint8_t* from) {
  return load_i8(reinterpret_cast<const int8_t*>(from));
}
template <>
inline vec load_numbers<uint8_t>(const uint8_t* from) {
  return to_float(load_u8(from));
}

template <class Number>
struct plain {
  static constexpr int block = 1, bytes = sizeof(Number);
  static constexpr int step = lanes;  // values opened at once
  static constexpr bool direct = false;

  const uint8_t* at;

  explicit plain(const uint8_t* row, int k) : at(row + int64_t{k} * bytes) {}
  vec part(int) const { return load_numbers<Number>(at); }
  static vec tail(const uint8_t* row, int k, int n) { return load_numbers<Number>(row + int64_t{k} * bytes, n); }
};

using f64 = plain<double>;
using i8 = plain<int8_t>;
using i16 = plain<int16_t>;
using i32 = plain<int32_t>;
using i64 = plain<int64_t>;
using u8 = plain<uint8_t>;
using u16 = plain<uint16_t>;
using u32 = plain<uint32_t>;
using u64 = plain<uint64_t>;
using boolean = plain<Truth>;

}  // namespace
}  // namespace deadlift::DEADLIFT_ISA

// F16: IEEE 754 half precision, little endian.
//
//   byte  0 1
//        [w0 ]     block of 1 value, 2 bytes: sign 1, exponent 5, mantissa 10

namespace deadlift::DEADLIFT_ISA {
namespace {

struct f16 {
  static constexpr int block = 1, bytes = 2;
  static constexpr int step = lanes;  // values opened at once
  static constexpr bool direct = true;

  const uint8_t* at;

  explicit f16(const uint8_t* row, int k) : at(row + int64_t{k} * bytes) {}
  vec part(int) const { return load_f16(at); }
  static vec tail(const uint8_t* row, int k, int n) { return load_f16_part(row + int64_t{k} * bytes, n); }
};

}  // namespace
}  // namespace deadlift::DEADLIFT_ISA

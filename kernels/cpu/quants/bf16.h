// BF16: the upper half of an F32, little endian.
//
//   byte  0 1
//        [w0 ]     block of 1 value, 2 bytes: sign 1, exponent 8, mantissa 7

namespace deadlift::DEADLIFT_ISA {
namespace {

struct bf16 {
  static constexpr int block = 1, bytes = 2;
  static constexpr int step = lanes;  // values opened at once
  static constexpr bool direct = true;

  const uint8_t* at;

  explicit bf16(const uint8_t* row, int k) : at(row + int64_t{k} * bytes) {}
  vec part(int) const { return load_bf16(at); }
  static vec tail(const uint8_t* row, int k, int n) { return load_bf16_part(row + int64_t{k} * bytes, n); }
};

}  // namespace
}  // namespace deadlift::DEADLIFT_ISA

// F32: IEEE 754 single precision, little endian.
//
//   byte  0 1 2 3
//        [  w0   ]     block of 1 value, 4 bytes

namespace deadlift::DEADLIFT_ISA {
namespace {

struct f32 {
  static constexpr int block = 1, bytes = 4;
  static constexpr int step = lanes;  // values opened at once
  static constexpr bool direct = true;
  static constexpr bool plain = true;  // floats as they are

  const uint8_t* at;

  explicit f32(const uint8_t* row, int k) : at(row + int64_t{k} * bytes) {}
  vec part(int) const { return load(at); }
  static vec tail(const uint8_t* row, int k, int n) { return load_part(row + int64_t{k} * bytes, n); }
};

}  // namespace
}  // namespace deadlift::DEADLIFT_ISA

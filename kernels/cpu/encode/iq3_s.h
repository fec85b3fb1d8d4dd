// Writes IQ3_S (layout: quants/iq3_s.h).

#include "kernels/cpu/encode/fit_points.h"

namespace deadlift::DEADLIFT_ISA {
namespace {

struct Iq3S {
  static constexpr const auto& grid = iq3_s_grid;
  static constexpr const auto& halves = iq3_s_halves;
  static constexpr const auto& levels = iq3_s_levels;
  static constexpr int bytes = iq3_s::bytes, values = 4, group = 32, highest = 15, parts_of_shift = 1, tried = 5;
  static constexpr float unit = 1, usual = 5.5f, shift = 0;
  static constexpr auto signs = lattice::Signs::free;

  static void put(const lattice::Fit<Iq3S>& fit, uint8_t* out) {
    store_f16_part(out, splat(fit.d), 1);
    memcpy(out + 74, fit.signs, 32);
    for (int part = 0; part < 64; ++part) {
      out[2 + part] = static_cast<uint8_t>(fit.points.numbers[part]);
      out[66 + part / 8] |= fit.points.numbers[part] >> 8 << part % 8;
    }
    for (int group = 0; group < 8; ++group) out[106 + group / 2] |= fit.steps[group] << 4 * (group % 2);
  }
};

void encode_iq3_s(const float* values, const float* importance, int n, uint8_t* out) {
  lattice::encode_blocks<Iq3S>(values, importance, n, out);
}

}  // namespace
}  // namespace deadlift::DEADLIFT_ISA

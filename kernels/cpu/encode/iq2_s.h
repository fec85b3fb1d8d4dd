// Writes IQ2_S (layout: quants/iq2_s.h).

#include "kernels/cpu/encode/fit_points.h"

namespace deadlift::DEADLIFT_ISA {
namespace {

struct Iq2S {
  static constexpr const auto& grid = iq2_s_grid;
  static constexpr const auto& halves = iq2_s_halves;
  static constexpr const auto& levels = iq2_levels;
  static constexpr int bytes = iq2_s::bytes, values = 8, group = 16, highest = 15, parts_of_shift = 1, tried = 4;
  static constexpr float unit = 0.125f, usual = 22, shift = 0;
  static constexpr auto signs = lattice::Signs::free;

  static void put(const lattice::Fit<Iq2S>& fit, uint8_t* out) {
    store_f16_part(out, splat(fit.d), 1);
    memcpy(out + 34, fit.signs, 32);
    for (int part = 0; part < 32; ++part) {
      out[2 + part] = static_cast<uint8_t>(fit.points.numbers[part]);
      out[66 + part / 4] |= fit.points.numbers[part] >> 8 << 2 * (part % 4);
    }
    for (int group = 0; group < 16; ++group) out[74 + group / 2] |= fit.steps[group] << 4 * (group % 2);
  }
};

void encode_iq2_s(const float* values, const float* importance, int n, uint8_t* out) {
  lattice::encode_blocks<Iq2S>(values, importance, n, out);
}

}  // namespace
}  // namespace deadlift::DEADLIFT_ISA

// Writes IQ2_XS (layout: quants/iq2_xs.h).

#include "kernels/cpu/encode/fit_points.h"

namespace deadlift::DEADLIFT_ISA {
namespace {

struct Iq2Xs {
  static constexpr const auto& grid = iq2_xs_grid;
  static constexpr const auto& halves = iq2_xs_halves;
  static constexpr const auto& levels = iq2_levels;
  static constexpr int bytes = iq2_xs::bytes, values = 8, group = 16, highest = 15, parts_of_shift = 1, tried = 4;
  static constexpr float unit = 0.125f, usual = 22, shift = 0;
  static constexpr auto signs = lattice::Signs::even;

  static void put(const lattice::Fit<Iq2Xs>& fit, uint8_t* out) {
    store_f16_part(out, splat(fit.d), 1);
    for (int part = 0; part < 32; ++part) {
      const auto word = static_cast<uint16_t>(fit.points.numbers[part] | (fit.signs[part] & 127) << 9);
      memcpy(out + 2 + 2 * part, &word, 2);
    }
    for (int group = 0; group < 16; ++group) out[66 + group / 2] |= fit.steps[group] << 4 * (group % 2);
  }
};

void encode_iq2_xs(const float* values, const float* importance, int n, uint8_t* out) {
  lattice::encode_blocks<Iq2Xs>(values, importance, n, out);
}

}  // namespace
}  // namespace deadlift::DEADLIFT_ISA

// Writes IQ2_XXS (layout: quants/iq2_xxs.h).

#include "kernels/cpu/encode/fit_points.h"

namespace deadlift::DEADLIFT_ISA {
namespace {

struct Iq2Xxs {
  static constexpr const auto& grid = iq2_xxs_grid;
  static constexpr const auto& halves = iq2_xxs_halves;
  static constexpr const auto& levels = iq2_levels;
  static constexpr int bytes = iq2_xxs::bytes, values = 8, group = 32, highest = 15, parts_of_shift = 1, tried = 4;
  static constexpr float unit = 0.125f, usual = 22, shift = 0;
  static constexpr auto signs = lattice::Signs::even;

  static void put(const lattice::Fit<Iq2Xxs>& fit, uint8_t* out) {
    store_f16_part(out, splat(fit.d), 1);
    for (int group = 0; group < 8; ++group) {
      uint8_t* const to = out + 2 + 8 * group;
      uint32_t word = static_cast<uint32_t>(fit.steps[group]) << 28;
      for (int i = 0; i < 4; ++i) {
        to[i] = static_cast<uint8_t>(fit.points.numbers[4 * group + i]);
        word |= (fit.signs[4 * group + i] & 127u) << 7 * i;
      }
      memcpy(to + 4, &word, 4);
    }
  }
};

void encode_iq2_xxs(const float* values, const float* importance, int n, uint8_t* out) {
  lattice::encode_blocks<Iq2Xxs>(values, importance, n, out);
}

}  // namespace
}  // namespace deadlift::DEADLIFT_ISA

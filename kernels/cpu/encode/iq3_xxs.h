// Writes IQ3_XXS (layout: quants/iq3_xxs.h).

#include "kernels/cpu/encode/fit_points.h"

namespace deadlift::DEADLIFT_ISA {
namespace {

struct Iq3Xxs {
  static constexpr const auto& grid = iq3_xxs_grid;
  static constexpr const auto& halves = iq3_xxs_halves;
  static constexpr const auto& levels = iq3_xxs_levels;
  static constexpr int bytes = iq3_xxs::bytes, values = 4, group = 32, highest = 15, parts_of_shift = 1, tried = 5;
  static constexpr float unit = 0.25f, usual = 21, shift = 0;
  static constexpr auto signs = lattice::Signs::even;

  static void put(const lattice::Fit<Iq3Xxs>& fit, uint8_t* out) {
    store_f16_part(out, splat(fit.d), 1);
    for (int part = 0; part < 64; ++part) out[2 + part] = static_cast<uint8_t>(fit.points.numbers[part]);
    for (int group = 0; group < 8; ++group) {
      uint32_t word = static_cast<uint32_t>(fit.steps[group]) << 28;
      for (int i = 0; i < 4; ++i) word |= (fit.signs[4 * group + i] & 127u) << 7 * i;
      memcpy(out + 66 + 4 * group, &word, 4);
    }
  }
};

void encode_iq3_xxs(const float* values, const float* importance, int n, uint8_t* out) {
  lattice::encode_blocks<Iq3Xxs>(values, importance, n, out);
}

}  // namespace
}  // namespace deadlift::DEADLIFT_ISA

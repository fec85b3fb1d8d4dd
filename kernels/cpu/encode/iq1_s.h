// Writes IQ1_S (layout: quants/iq1_s.h).

#include "kernels/cpu/encode/fit_points.h"

namespace deadlift::DEADLIFT_ISA {
namespace {

struct Iq1S {
  static constexpr const auto& grid = iq1_grid;
  static constexpr const auto& halves = iq1_halves;
  static constexpr const auto& levels = iq1_levels;
  static constexpr int bytes = iq1_s::bytes, values = 8, group = 32, highest = 7, parts_of_shift = 4, tried = 1;
  static constexpr float unit = 1, usual = 0.75f, shift = 0.125f;
  static constexpr auto signs = lattice::Signs::of_points;

  static void put(const lattice::Fit<Iq1S>& fit, uint8_t* out) {
    store_f16_part(out, splat(fit.d), 1);
    for (int group = 0; group < 8; ++group) {
      int word = fit.steps[group] << 12 | (fit.under.shifts[4 * group] < 0) << 15;
      for (int i = 0; i < 4; ++i) {
        const int point = fit.points.numbers[4 * group + i];
        out[2 + 4 * group + i] = static_cast<uint8_t>(point);
        word |= point >> 8 << 3 * i;
      }
      memcpy(out + 34 + 2 * group, &word, 2);
    }
  }
};

void encode_iq1_s(const float* values, const float* importance, int n, uint8_t* out) {
  lattice::encode_blocks<Iq1S>(values, importance, n, out);
}

}  // namespace
}  // namespace deadlift::DEADLIFT_ISA

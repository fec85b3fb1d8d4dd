// Writes IQ1_M (layout: quants/iq1_m.h).

#include "kernels/cpu/encode/fit_points.h"

namespace deadlift::DEADLIFT_ISA {
namespace {

struct Iq1M {
  static constexpr const auto& grid = iq1_grid;
  static constexpr const auto& halves = iq1_halves;
  static constexpr const auto& levels = iq1_levels;
  static constexpr int bytes = iq1_m::bytes, values = 8, group = 16, highest = 7, parts_of_shift = 1, tried = 1;
  static constexpr float unit = 1, usual = 0.75f, shift = 0.125f;
  static constexpr auto signs = lattice::Signs::of_points;

  static void put(const lattice::Fit<Iq1M>& fit, uint8_t* out) {
    uint8_t half[2];
    store_f16_part(half, splat(fit.d), 1);
    for (int part = 0; part < 32; ++part) {
      const int point = fit.points.numbers[part], minus = fit.under.shifts[part] < 0;
      out[part] = static_cast<uint8_t>(point);
      out[32 + part / 2] |= (point >> 8 | minus << 3) << 4 * (part % 2);
    }
    for (int i = 0; i < 4; ++i) {
      int word = (load_u16(half) >> 4 * i & 15) << 12;
      for (int group = 0; group < 4; ++group) word |= fit.steps[4 * i + group] << 3 * group;
      memcpy(out + 48 + 2 * i, &word, 2);
    }
  }
};

void encode_iq1_m(const float* values, const float* importance, int n, uint8_t* out) {
  lattice::encode_blocks<Iq1M>(values, importance, n, out);
}

}  // namespace
}  // namespace deadlift::DEADLIFT_ISA

// The grids of the IQ types: the few points of a lattice that eight (or four) neighbouring weights may be rounded to.

#pragma once

#include <cstdint>

namespace deadlift {

// What the values of a point can be.
constexpr int8_t iq1_levels[] = {-1, 0, 1};
constexpr int8_t iq2_levels[] = {8, 25, 43};
constexpr int8_t iq3_xxs_levels[] = {4, 12, 20, 28, 36, 44, 52, 62};
constexpr int8_t iq3_s_levels[] = {1, 3, 5, 7, 9, 11, 13, 15};

// The signed bytes of a point lie in one word, the first value lowest.
template <class Word, int count>
struct Grid {
  Word at[count];
};

// The same points in halves, each numbered among all that the levels allow, the first value fastest: points first[h] to
// first[h + 1] have the upper half h.
template <int count, int half_count>
struct GridHalves {
  static constexpr int halves = half_count;
  uint8_t lower[count];
  uint16_t first[half_count + 1];
};

extern const Grid<uint64_t, 2048> iq1_grid;  // of IQ1_S and IQ1_M
extern const Grid<uint64_t, 256> iq2_xxs_grid;
extern const Grid<uint64_t, 512> iq2_xs_grid;
extern const Grid<uint64_t, 1024> iq2_s_grid;
extern const Grid<uint32_t, 256> iq3_xxs_grid;
extern const Grid<uint32_t, 512> iq3_s_grid;

extern const GridHalves<2048, 81> iq1_halves;
extern const GridHalves<256, 81> iq2_xxs_halves;
extern const GridHalves<512, 81> iq2_xs_halves;
extern const GridHalves<1024, 81> iq2_s_halves;
extern const GridHalves<256, 64> iq3_xxs_halves;
extern const GridHalves<512, 64> iq3_s_halves;

}  // namespace deadlift

// The grids of the IQ types: the few points of a lattice that eight (or four) neighbouring weights may be rounded to.

#pragma once

#include <cstdint>

namespace deadlift {

// The signed bytes of a point lie in one word, the first value lowest.
template <class Word, int count>
struct Grid {
  Word at[count];
};

extern const Grid<uint64_t, 2048> iq1_grid;  // of IQ1_S and IQ1_M
extern const Grid<uint64_t, 256> iq2_xxs_grid;
extern const Grid<uint64_t, 512> iq2_xs_grid;
extern const Grid<uint64_t, 1024> iq2_s_grid;
extern const Grid<uint32_t, 256> iq3_xxs_grid;
extern const Grid<uint32_t, 512> iq3_s_grid;

}  // namespace deadlift

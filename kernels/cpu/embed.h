// embed: the values of one row of a matrix, of any quant. What `linear` decodes its panels with, too.

#pragma once

#include "kernels/cpu/kernels.h"

namespace deadlift::DEADLIFT_ISA {
namespace {

// A type opens `step` values at once and gives them by `part`, vector by vector; or by Runs, where that is too many for
// one loop without jumps.

// Vector v of columns [first, first + columns) is stored at out + v * apart * lanes; `first` is a multiple of 512.
template <class Q>
void decode(const uint8_t* row, int first, int columns, int apart, float* out) {
  const int end = first + columns;
  int k = first;
  for (; k + Q::step <= end; k += Q::step) {
    const Q block(row, k);
    if constexpr (requires { typename Q::Run; }) {
      for (int r = 0; r < Q::step / Q::Run::values; ++r) {
        const typename Q::Run run = block.open(r);
        for (int i = 0; i < Q::Run::values / lanes; ++i, out += apart * lanes) store(out, run.part(i));
      }
    } else {
      for (int i = 0; i < Q::step / lanes; ++i, out += apart * lanes) store(out, block.part(i));
    }
  }
  if constexpr (Q::step > Q::block) {
    if (k < end) store_part(out, Q::tail(row, k, end - k), end - k);
  }
}

}  // namespace
}  // namespace deadlift::DEADLIFT_ISA

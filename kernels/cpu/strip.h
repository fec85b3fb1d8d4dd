// Rows side by side, lane by lane: how types that `linear` reads as codes are decoded.

#pragma once

#include "kernels/cpu/kernels.h"

namespace deadlift::DEADLIFT_ISA {
namespace {

// Where a type stores what the groups of a block are scaled with.
struct GroupFacts {
  float* scale;
  float* least;
  void set(int group, vec scales, vec leasts) const {
    store(scale + group * lanes, scales);
    store(least + group * lanes, leasts);
  }
  // Codes count from `zero`.
  void centre(int group, vec scales, float zero) const { set(group, scales, mul(scales, splat(-zero))); }
};

}  // namespace
}  // namespace deadlift::DEADLIFT_ISA

// Rows of floats: what ops read and write.

#pragma once

#include <cstdint>

namespace deadlift {

// `stride` apart, or each at an offset of its own.
struct Rows {
  float* data = nullptr;
  int64_t stride = 0;
  const int64_t* offsets = nullptr;
  float* row(int64_t r) const { return data + (offsets ? offsets[r] : r * stride); }
};

// Floats from row to row. Rows a multiple of 2 KiB apart would all fall into the same few sets of the L1 cache.
constexpr int64_t padded(int width) {
  const int64_t stride = (int64_t{width} + 15) / 16 * 16;
  return stride % 512 == 0 ? stride + 16 : stride;
}

}  // namespace deadlift

// Matrix products, cut into tiles that the workers of a pool share.

#pragma once

#include <cstdint>
#include <vector>

#include "kernels/cpu/kernels.h"
#include "native/memory.h"
#include "native/pool.h"
#include "native/rows.h"

namespace deadlift {

// A matrix, and what is added to its sums.
struct Factor {
  const Matrix* matrix = nullptr;  // null: there is none
  LinearKernel kernel = nullptr;
  PackKernel pack = nullptr;        // for the activations that the kernel takes, or null
  const float* bias = nullptr;      // (rows), or null
  const uint8_t* packed = nullptr;  // the activations, packed_stride(columns) apart
};

// Some tokens meet a matrix.
struct Product {
  Factor weight;
  Factor up;  // of a gated unit whose gate is `weight`
  Activation activation = Activation::silu;
  bool act = false;  // `activation` of the sums
  int rows = 0;
  int tokens = 0;
  Rows x;         // `stride` apart, or one token
  Rows out;       // (tokens, rows)
  Rows residual;  // to be added; null data: none
};

// The products of one op. How they are cut never changes a bit of the results (see kernels/cpu/linear.h).
class Products {
 public:
  // Memory for packed activations, taken as it is used. Throws std::bad_alloc.
  void reserve(int64_t bytes) { packed_ = LazyMemory(static_cast<size_t>(bytes)); }
  void clear() { products_.clear(); }
  void add(const Product& product) { products_.push_back(product); }
  // Runs them all. `scratch`: of worker 0, those of the others `scratch_floats` apart, at least product_scratch.
  void run(Pool& pool, const Kernels& kernels, float* scratch, int64_t scratch_floats);

 private:
  struct Tile {
    const Product* product;
    int row, rows;
    int token, tokens;
  };

  void pack(Pool& pool);
  const uint8_t* packed_before(size_t product, PackKernel pack) const;
  static uint8_t* pack(Pool& pool, const Product& product, PackKernel kernel, uint8_t* out);
  void cut(const Product& product, int row_tile);
  static void run_tile(const Tile& tile, const Kernels& kernels, float* scratch);

  std::vector<Product> products_;
  std::vector<Tile> tiles_;
  LazyMemory packed_;
};

// Bytes from row to row of packed activations.
int64_t packed_stride(int columns);

// Floats of scratch that a worker needs.
constexpr int64_t product_scratch = linear_scratch + 2 * linear_tile_max;

}  // namespace deadlift

// Cuts products into tiles of rows and tokens, and does with their sums what the op says.

#include "native/products.h"

#include <algorithm>
#include <cassert>
#include <climits>

namespace deadlift {
namespace {

// Multiplications that are worth waking another thread for.
constexpr int64_t kParallelProducts = 32 * 1024;
// Floats that are worth waking another thread for packing them.
constexpr int kParallelPacking = 32 * 1024;

}  // namespace

// Not a multiple of 2 KiB: see `padded`.
int64_t packed_stride(int columns) {
  const int64_t stride = (packed_bytes(columns) + 63) / 64 * 64;
  return stride % 2048 == 0 ? stride + 64 : stride;
}

void Products::run(Pool& pool, const Kernels& kernels, float* scratch, int64_t scratch_floats) {
  int64_t rows = 0, work = 0;
  for (const Product& product : products_) {
    rows += product.rows;
    work += int64_t{product.rows} * product.weight.matrix->columns * product.tokens;
  }
  const bool small = work < kParallelProducts;
  pack(pool);
  // Some tiles per thread, so that a thread that is held up does not hold up the others.
  const int64_t wanted = (rows / (pool.threads() * 4) + linear_rows_step) / linear_rows_step * linear_rows_step;
  tiles_.clear();
  for (const Product& product : products_) {
    cut(product, small ? INT_MAX : static_cast<int>(std::min<int64_t>(wanted, linear_rows_max)));
  }
  const auto tile = [&](int i, int worker) { run_tile(tiles_[i], kernels, scratch + scratch_floats * worker); };
  const int count = static_cast<int>(tiles_.size());
  if (small) {
    for (int i = 0; i < count; i++) tile(i, 0);
  } else {
    pool.each(count, tile);
  }
}

// Activations that several matrices meet, as q, k and v do, are packed once for all that take them in the same form.
void Products::pack(Pool& pool) {
  uint8_t* next = packed_.as<uint8_t>();
  for (size_t i = 0; i < products_.size(); i++) {
    for (Factor* const factor : {&products_[i].weight, &products_[i].up}) {
      if (!factor->pack) continue;
      factor->packed = packed_before(i, factor->pack);
      if (factor->packed) continue;
      factor->packed = next;
      next = pack(pool, products_[i], factor->pack, next);
      assert(next <= packed_.as<uint8_t>() + packed_.size());
    }
  }
}

// What a neighbour, or the other factor, has been given; null: nothing of that form.
const uint8_t* Products::packed_before(size_t product, PackKernel pack) const {
  for (size_t i = product + 1; i-- > 0 && products_[i].x.data == products_[product].x.data;) {
    assert(products_[i].tokens == products_[product].tokens);
    for (const Factor* const factor : {&products_[i].weight, &products_[i].up}) {
      if (factor->packed && factor->pack == pack) return factor->packed;
    }
  }
  return nullptr;
}

// Returns where the packed rows end.
uint8_t* Products::pack(Pool& pool, const Product& product, PackKernel kernel, uint8_t* out) {
  const int columns = product.weight.matrix->columns;
  const int64_t stride = packed_stride(columns);
  const int64_t packs = (product.tokens + pack_tokens - 1) / pack_tokens;
  const int64_t per_chunk = std::max<int64_t>(1, kParallelPacking / (columns * pack_tokens));
  pool.each(static_cast<int>((packs + per_chunk - 1) / per_chunk), [&](int chunk, int) {
    for (int64_t i = chunk * per_chunk; i < std::min(packs, (chunk + 1) * per_chunk); i++) {
      const int t = static_cast<int>(i) * pack_tokens, tokens = std::min(pack_tokens, product.tokens - t);
      kernel(product.x.row(t), product.x.stride, tokens, columns, out + t * stride, stride);
    }
  });
  return out + packs * pack_tokens * stride;
}

void Products::cut(const Product& product, int row_tile) {
  const int token_tile = std::min(product.tokens, linear_tokens_max);
  const int most_rows = std::min(linear_rows_max, linear_tile_max / token_tile / linear_rows_step * linear_rows_step);
  row_tile = std::min(row_tile, most_rows);
  for (int row = 0; row < product.rows; row += row_tile) {
    for (int token = 0; token < product.tokens; token += token_tile) {
      tiles_.push_back(
          {&product, row, std::min(row_tile, product.rows - row), token, std::min(token_tile, product.tokens - token)});
    }
  }
}

void Products::run_tile(const Tile& tile, const Kernels& kernels, float* scratch) {
  const Product& p = *tile.product;
  const int row = tile.row, rows = tile.rows, token = tile.token, tokens = tile.tokens;
  const auto multiply = [&](const Factor& factor, float* out, int64_t out_stride) {
    const int64_t stride = packed_stride(factor.matrix->columns);
    const Activations x = {p.x.row(token), p.x.stride, factor.packed + token * stride, stride, tokens};
    factor.kernel(*factor.matrix, row, rows, x, out, out_stride, scratch + 2 * linear_tile_max);
    if (factor.bias) kernels.shift(out, out_stride, tokens, factor.bias + row, rows);
  };
  const auto out = [&](int t) { return p.out.row(token + t) + row; };
  float* const sums = scratch;  // (tokens, rows)
  if (p.up.matrix) {
    float* const ups = scratch + linear_tile_max;
    multiply(p.weight, sums, rows);
    multiply(p.up, ups, rows);
    const auto glu = kernels.glu[static_cast<int>(p.activation)];
    for (int t = 0; t < tokens; t++) glu(out(t), sums + t * rows, ups + t * rows, rows);
    return;
  }
  if (p.act) {
    multiply(p.weight, sums, rows);
    const auto act = kernels.act[static_cast<int>(p.activation)];
    for (int t = 0; t < tokens; t++) act(out(t), sums + t * rows, rows);
    return;
  }
  if (!p.residual.data && !p.out.offsets) return multiply(p.weight, out(0), p.out.stride);
  multiply(p.weight, sums, rows);
  for (int t = 0; t < tokens; t++) {
    if (p.residual.data) {
      kernels.add(out(t), p.residual.row(token + t) + row, sums + t * rows, rows);
    } else {
      std::copy_n(sums + t * rows, rows, out(t));
    }
  }
}

}  // namespace deadlift

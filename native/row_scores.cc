// The op `row_scores`: what a matrix makes of a table is the same in every step, so it is made once.

#include <algorithm>

#include "native/executable.h"

namespace deadlift {

// (rows of the table, heads * head_dim), made in pieces that there is room for.
const std::vector<float>& Executable::rows_of_table(const Op& op) {
  std::vector<float>& made = table_rows_[op.out];
  if (!made.empty()) return made;
  const Matrix &table = matrices_[op.table], &weight = matrices_[op.weight];
  std::vector<float> normed = vectors_[op.table];
  for (int row = 0; row < table.rows && op.norm >= 0; row++) {
    float* const at = normed.data() + int64_t{row} * table.columns;
    kernels_.layer_norm(at, at, vectors_[op.norm].data(), vectors_[op.norm_bias].data(), table.columns, 1, 0,
                        op.epsilon);
  }
  made.resize(int64_t{table.rows} * weight.rows);
  for (int first = 0; first < table.rows; first += options_.max_tokens) {
    Product product;
    product.weight = factor(op.weight, 0, op.bias, 0);
    product.rows = weight.rows;
    product.tokens = std::min(options_.max_tokens, table.rows - first);
    product.x = {normed.data() + int64_t{first} * table.columns, table.columns};
    product.out = {made.data() + int64_t{first} * weight.rows, weight.rows};
    products_.clear();
    products_.add(product);
    products_.run(engine_.pool(), kernels_, scratch(0), scratch_floats_);
  }
  return made;
}

// A head's values in the table's rows are a matrix, as far apart as all heads are wide.
void Executable::row_scores(const Op& op) {
  const float* const made = rows_of_table(op).data();
  const int width = program_.buffers[op.x].width, count = matrices_[op.table].rows;
  const int f32 = static_cast<int>(Quant::f32);
  const Rows x = rows(op.x), out = rows(op.out);
  for (int head = 0; head < width / op.head_dim; head++) {
    const Matrix matrix = {reinterpret_cast<const uint8_t*>(made + head * op.head_dim), int64_t{width} * 4, count,
                           op.head_dim};
    Product product;
    product.weight = {&matrix, kernels_.linear[f32], kernels_.pack[f32], nullptr};
    product.rows = count;
    product.tokens = row_count(op.out);
    product.x = {x.data + head * op.head_dim, x.stride};
    product.out = {out.data + int64_t{head} * count, out.stride};
    products_.clear();
    products_.add(product);
    products_.run(engine_.pool(), kernels_, scratch(0), scratch_floats_);
  }
}

}  // namespace deadlift

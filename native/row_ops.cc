// The ops that make each row of their result of the same row of what they read.

#include <cassert>
#include <cstring>

#include "native/executable.h"

namespace deadlift {

void Executable::embed(const Op& op) {
  const Matrix& table = matrices_[op.weight];
  const auto decode = kernels_.decode[static_cast<int>(program_.weights[op.weight].quant)];
  const Rows out = rows(op.out);
  each_row(row_count(op.out), table.columns, [&](int token) {
    const int64_t id = batch_->tokens[token];
    assert(id >= 0 && id < table.rows);
    decode(table.data + id * table.stride, 0, table.columns, 1, out.row(token));
  });
}

void Executable::norm(const Op& op) {
  const std::vector<float>& weight = vectors_[op.weight];
  const int n = static_cast<int>(weight.size());
  const int width = program_.buffers[op.x].width;
  const Rows x = rows(op.x), out = rows(op.out);
  each_row(row_count(op.out), width,
           [&](int token) { kernels_.norm(out.row(token), x.row(token), weight.data(), n, width / n, op.epsilon); });
}

void Executable::rope(const Op& op) {
  const RopeFacts& facts = program_.ropes[op.rope];
  const int pairs = static_cast<int>(facts.frequencies.size());
  const int width = program_.buffers[op.x].width;
  const Rows x = rows(op.x), out = rows(op.out);
  each_row(row_count(op.out), width, [&](int token) {
    const int64_t at = int64_t{token} * pairs;
    kernels_.rope(out.row(token), x.row(token), cosines_[op.rope] + at, sines_[op.rope] + at, pairs, facts.half,
                  width / op.head_dim, op.head_dim);
  });
}

void Executable::glu(const Op& op) {
  const int width = program_.buffers[op.out].width;
  const Rows gate = rows(op.x), up = rows(op.y), out = rows(op.out);
  const auto kernel = kernels_.glu[static_cast<int>(op.activation)];
  each_row(row_count(op.out), width * 8,
           [&](int token) { kernel(out.row(token), gate.row(token), up.row(token), width); });
}

void Executable::add(const Op& op) {
  const int width = program_.buffers[op.out].width;
  const Rows a = rows(op.x), b = rows(op.y), out = rows(op.out);
  each_row(row_count(op.out), width,
           [&](int token) { kernels_.add(out.row(token), a.row(token), b.row(token), width); });
}

void Executable::select(const Op& op) {
  const size_t bytes = sizeof(float) * program_.buffers[op.out].width;
  const Rows x = rows(op.x), out = rows(op.out);
  for (size_t i = 0; i < batch_->outputs.size(); i++) std::memcpy(out.row(i), x.row(batch_->outputs[i]), bytes);
}

void Executable::softmax(const Op& op) {
  const int width = program_.buffers[op.out].width;
  const Rows x = rows(op.x), out = rows(op.out);
  each_row(row_count(op.out), width * 8, [&](int token) { kernels_.softmax(out.row(token), x.row(token), width); });
}

void Executable::route(const Op& op) {
  const int experts = program_.buffers[op.x].width, used = program_.buffers[op.out].width;
  const Rows x = rows(op.x), out = rows(op.out);
  each_row(row_count(op.out), experts * 4,
           [&](int token) { kernels_.route(out.row(token), x.row(token), experts, used); });
}

void Executable::gather(const Op& op) {
  const int used = program_.buffers[op.out].width;
  const Rows x = rows(op.x), chosen = rows(op.y), out = rows(op.out);
  each_row(row_count(op.out), used * 4,
           [&](int token) { kernels_.gather(out.row(token), x.row(token), chosen.row(token), used); });
}

void Executable::mix(const Op& op) {
  const int width = program_.buffers[op.out].width, used = program_.buffers[op.y].width;
  const Rows x = rows(op.x), weights = rows(op.y), out = rows(op.out);
  each_row(row_count(op.out), width * used,
           [&](int token) { kernels_.mix(out.row(token), x.row(token), weights.row(token), width, used); });
}

void Executable::softplus(const Op& op) {
  const int width = program_.buffers[op.out].width;
  const Rows x = rows(op.x), out = rows(op.out);
  const float* const bias = op.bias < 0 ? nullptr : vectors_[op.bias].data();
  each_row(row_count(op.out), width * 8,
           [&](int token) { kernels_.softplus(out.row(token), x.row(token), bias, op.least, op.most, width); });
}

}  // namespace deadlift

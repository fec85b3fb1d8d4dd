// The ops that make each row of their result of the same row of what they read.

#include <algorithm>
#include <cassert>
#include <cmath>
#include <cstring>

#include "native/executable.h"

namespace deadlift {

void Executable::embed(const Op& op) {
  const Matrix& table = matrices_[op.weight];
  const auto decode = kernels_.decode[static_cast<int>(program_.weights[op.weight].quant)];
  const Rows out = rows(op.out);
  const auto index = [&](int token) {
    if (op.index == EmbedIndex::token) return batch_->tokens[token];
    if (op.index == EmbedIndex::position) return positions_[token];
    return batch_->segments.empty() ? 0 : batch_->segments[token];
  };
  each_row(row_count(op.out), table.columns, [&](int token) {
    int64_t row = int64_t{index(token)} + op.offset;
    assert(row >= 0);
    if (row >= table.rows) row = 0;
    decode(table.data + row * table.stride, 0, table.columns, 1, out.row(token));
  });
}

void Executable::norm(const Op& op) {
  const float* weight = op.weight < 0 ? ones_.data() : vectors_[op.weight].data();
  const int width = program_.buffers[op.x].width, step = step_of(op.weight, op.group);
  const Rows x = rows(op.x), out = rows(op.out);
  each_row(row_count(op.out), width, [&](int token) {
    kernels_.norm(out.row(token), x.row(token), weight, op.group, width / op.group, step, op.epsilon);
  });
}

void Executable::layer_norm(const Op& op) {
  const int width = program_.buffers[op.x].width, step = step_of(op.weight, op.group);
  const float* weight = op.weight < 0 ? ones_.data() : vectors_[op.weight].data();
  // Groups with weights of their own and no biases read as many zeros.
  const float* bias = op.bias < 0 ? zeros_.data() : vectors_[op.bias].data();
  const Rows x = rows(op.x), out = rows(op.out);
  each_row(row_count(op.out), width * 2, [&](int token) {
    kernels_.layer_norm(out.row(token), x.row(token), weight, bias, op.group, width / op.group, step, op.epsilon);
  });
}

// From the weights of a group to those of the next.
int Executable::step_of(int weight, int group) const {
  return weight >= 0 && static_cast<int>(vectors_[weight].size()) > group ? group : 0;
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

void Executable::act(const Op& op) {
  const int width = program_.buffers[op.out].width;
  const Rows x = rows(op.x), out = rows(op.out);
  const auto kernel = kernels_.act[static_cast<int>(op.activation)];
  each_row(row_count(op.out), width * 8, [&](int token) { kernel(out.row(token), x.row(token), width); });
}

void Executable::xielu(const Op& op) {
  const int width = program_.buffers[op.out].width;
  const Rows x = rows(op.x), out = rows(op.out);
  const auto softplus = [](float value) {
    return static_cast<float>(std::log1p(std::exp(static_cast<double>(value))));
  };
  const float p = softplus(vectors_[op.weight][0]), n = 0.5f + softplus(vectors_[op.bias][0]);
  each_row(row_count(op.out), width * 8, [&](int token) { kernels_.xielu(out.row(token), x.row(token), p, n, width); });
}

void Executable::add(const Op& op) {
  const int width = program_.buffers[op.out].width;
  const Rows a = rows(op.x), b = rows(op.y), out = rows(op.out);
  each_row(row_count(op.out), width,
           [&](int token) { kernels_.add(out.row(token), a.row(token), b.row(token), width); });
}

void Executable::mul(const Op& op) {
  const int width = program_.buffers[op.x].width, factors = program_.buffers[op.y].width, group = width / factors;
  const Rows a = rows(op.x), b = rows(op.y), out = rows(op.out);
  each_row(row_count(op.out), width, [&](int token) {
    if (group == 1) return kernels_.mul(out.row(token), a.row(token), b.row(token), width);
    for (int i = 0; i < factors; i++) {
      kernels_.scale(out.row(token) + i * group, a.row(token) + i * group, b.row(token)[i], group);
    }
  });
}

void Executable::scale(const Op& op) {
  const int width = program_.buffers[op.out].width;
  const Rows x = rows(op.x), out = rows(op.out);
  each_row(row_count(op.out), width, [&](int token) { kernels_.scale(out.row(token), x.row(token), op.scale, width); });
}

void Executable::shift(const Op& op) {
  const int width = program_.buffers[op.out].width;
  const Rows x = rows(op.x), out = rows(op.out);
  const float* weight = vectors_[op.weight].data();
  each_row(row_count(op.out), width, [&](int token) { kernels_.add(out.row(token), x.row(token), weight, width); });
}

void Executable::gain(const Op& op) {
  const int width = program_.buffers[op.out].width;
  const Rows x = rows(op.x), out = rows(op.out);
  const std::vector<float>& weight = vectors_[op.weight];
  each_row(row_count(op.out), width, [&](int token) {
    if (weight.size() == 1) return kernels_.scale(out.row(token), x.row(token), weight[0], width);
    kernels_.mul(out.row(token), x.row(token), weight.data(), width);
  });
}

void Executable::softcap(const Op& op) {
  const int width = program_.buffers[op.out].width;
  const Rows x = rows(op.x), out = rows(op.out);
  each_row(row_count(op.out), width * 8,
           [&](int token) { kernels_.softcap(out.row(token), x.row(token), op.softcap, width); });
}

void Executable::clamp(const Op& op) {
  const int width = program_.buffers[op.out].width;
  const Rows x = rows(op.x), out = rows(op.out);
  each_row(row_count(op.out), width,
           [&](int token) { kernels_.clamp(out.row(token), x.row(token), op.softcap, width); });
}

void Executable::sparsify(const Op& op) {
  const int width = program_.buffers[op.out].width;
  const Rows x = rows(op.x), out = rows(op.out);
  each_row(row_count(op.out), width * 2,
           [&](int token) { kernels_.sparsify(out.row(token), x.row(token), op.scale, width); });
}

void Executable::temper(const Op& op) {
  const int width = program_.buffers[op.out].width;
  const Rows x = rows(op.x), out = rows(op.out);
  each_row(row_count(op.out), width, [&](int token) {
    const double factor = 1 + op.scale * std::log1p(positions_[token] / op.length);
    kernels_.scale(out.row(token), x.row(token), static_cast<float>(factor), width);
  });
}

void Executable::slice(const Op& op) {
  const int groups = program_.buffers[op.x].width / op.stride, width = program_.buffers[op.out].width / groups;
  const Rows x = rows(op.x), out = rows(op.out);
  each_row(row_count(op.out), groups * width, [&](int token) {
    for (int g = 0; g < groups; g++) {
      std::memcpy(out.row(token) + g * width, x.row(token) + g * op.stride + op.from, sizeof(float) * width);
    }
  });
}

void Executable::concat(const Op& op) {
  const int all = program_.buffers[op.out].width / op.groups, first = program_.buffers[op.x].width / op.groups;
  const int rest = all - first, step = program_.buffers[op.y].width == rest ? 0 : rest;
  const Rows a = rows(op.x), b = rows(op.y), out = rows(op.out);
  each_row(row_count(op.out), all * op.groups, [&](int token) {
    for (int g = 0; g < op.groups; g++) {
      std::memcpy(out.row(token) + g * all, a.row(token) + g * first, sizeof(float) * first);
      std::memcpy(out.row(token) + g * all + first, b.row(token) + g * step, sizeof(float) * rest);
    }
  });
}

void Executable::share(const Op& op) {
  const int width = program_.buffers[op.out].width;
  const Rows x = rows(op.x), out = rows(op.out);
  each_row(row_count(op.out), width * 2,
           [&](int token) { kernels_.share(out.row(token), x.row(token), op.epsilon, width); });
}

void Executable::limit_groups(const Op& op) {
  const int width = program_.buffers[op.out].width;
  const Rows x = rows(op.x), out = rows(op.out);
  // Little work, done by one thread.
  for (int token = 0; token < row_count(op.out); token++) {
    kernels_.limit_groups(out.row(token), x.row(token), width, op.groups, op.used, op.best, op.floor, scratch(0));
  }
}

// Of all tokens of the sequence that an output's token belongs to, in their order.
void Executable::pool(const Op& op) {
  const int width = program_.buffers[op.out].width;
  const Rows x = rows(op.x), out = rows(op.out);
  engine_.pool().each(static_cast<int>(batch_->outputs.size()), [&](int i, int worker) {
    const int span = span_of(batch_->outputs[i]), first = span_starts_[span], count = batch_->spans[span].count;
    pool_rows(out.row(i), x, first, count, width, op.pooling, scratch(worker));
  });
}

int Executable::span_of(int token) const {
  return static_cast<int>(std::upper_bound(span_starts_.begin(), span_starts_.end(), token) - span_starts_.begin()) - 1;
}

void Executable::pool_rows(float* out, Rows x, int first, int count, int width, Pooling pooling, float* scratch) const {
  const int last = first + count - 1;
  std::memcpy(out, x.row(pooling == Pooling::last ? last : first), sizeof(float) * width);
  if (pooling == Pooling::first || pooling == Pooling::last) return;
  for (int token = first + 1; token <= last; token++) {
    const float* row = x.row(token);
    if (pooling == Pooling::max) {
      kernels_.most(out, out, row, width);
      continue;
    }
    if (pooling == Pooling::weighted_mean) {
      kernels_.scale(scratch, row, static_cast<float>(token - first + 1), width);
      row = scratch;
    }
    kernels_.add(out, out, row, width);
  }
  const double n = count;
  const double whole = pooling == Pooling::mean ? n : pooling == Pooling::mean_sqrt ? std::sqrt(n) : n * (n + 1) / 2;
  if (pooling != Pooling::max) kernels_.scale(out, out, static_cast<float>(1 / whole), width);
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

// Runs the ops of a program, one after another, each spread over the pool.

#include "native/executable.h"

#include <atomic>
#include <cassert>
#include <cmath>
#include <cstring>
#include <new>
#include <stdexcept>

namespace deadlift {

Executable::Executable(Engine& engine, Program program, const CompileOptions& options)
    : engine_(engine), kernels_(engine.kernels()), program_(std::move(program)), options_(options) {
  place_memory();
  place_weights();
  if (options_.read_ahead) read_ahead();
}

Rows Executable::rows(int buffer) const { return slots_[program_.buffers[buffer].slot]; }

int Executable::row_count(int buffer) const {
  return static_cast<int>(program_.buffers[buffer].outputs ? batch_->outputs.size() : batch_->tokens.size());
}

float* Executable::scratch(int worker) const { return scratch_.as<float>() + scratch_floats_ * worker; }

Results Executable::run(const Batch& batch) {
  start_step(batch);
  for (size_t i = 0; i < program_.ops.size();) {
    if (engine_.pool().cancelled()) throw std::runtime_error("the engine was stopped");
    i += run_ops(i);
  }
  return sample();
}

void Executable::copy_page(int from, int to) {
  std::memcpy(kv_.as<uint8_t>() + to * page_bytes_, kv_.as<uint8_t>() + from * page_bytes_, page_bytes_);
}

void Executable::start_step(const Batch& batch) {
  assert(batch.tokens.size() <= static_cast<size_t>(options_.max_tokens));
  assert(batch.outputs.size() <= static_cast<size_t>(options_.max_outputs));
  batch_ = &batch;
  positions_.clear();
  span_starts_.clear();
  for (const Span& span : batch.spans) {
    span_starts_.push_back(static_cast<int>(positions_.size()));
    for (int i = 0; i < span.count; i++) positions_.push_back(span.position + i);
  }
  assert(positions_.size() == batch.tokens.size());
  tiles_group_ = 0;
  fill_ropes();
}

// The angle is rounded to a float before its cosine is taken, as Python's transformers does.
void Executable::fill_ropes() {
  for (size_t id = 0; id < program_.ropes.size(); id++) {
    const RopeFacts& rope = program_.ropes[id];
    const size_t pairs = rope.frequencies.size();
    each_row(static_cast<int>(positions_.size()), static_cast<int>(pairs) * 32, [&](int token) {
      for (size_t i = 0; i < pairs; i++) {
        const float angle = static_cast<float>(positions_[token]) * rope.frequencies[i];
        cosines_[id][token * pairs + i] = static_cast<float>(std::cos(static_cast<double>(angle)) * rope.magnitude);
        sines_[id][token * pairs + i] = static_cast<float>(std::sin(static_cast<double>(angle)) * rope.magnitude);
      }
    });
  }
}

// Neighbouring products of the same rows, such as q, k and v, are one piece of work.
size_t Executable::run_ops(size_t first) {
  const Op& op = program_.ops[first];
  if (row_count(op.out) == 0) return 1;
  if (op.kind != OpKind::linear) {
    run_op(op);
    return 1;
  }
  products_.clear();
  size_t next = first;
  do {
    add_product(program_.ops[next++]);
  } while (next < program_.ops.size() && program_.ops[next].kind == OpKind::linear && program_.ops[next].x == op.x);
  products_.run(engine_.pool(), kernels_, scratch(0), scratch_floats_);
  return next - first;
}

void Executable::run_op(const Op& op) {
  switch (op.kind) {
    case OpKind::linear:
    case OpKind::linear_act:
    case OpKind::linear_add:
    case OpKind::linear_glu:
      return linear(op);
    case OpKind::group_linear:
      return group_linear(op);
    case OpKind::expert_linear:
    case OpKind::expert_glu:
      return expert_linear(op);
    case OpKind::embed:
      return embed(op);
    case OpKind::norm:
      return norm(op);
    case OpKind::layer_norm:
      return layer_norm(op);
    case OpKind::rope:
      return rope(op);
    case OpKind::attend:
      return attend(op);
    case OpKind::row_scores:
      return row_scores(op);
    case OpKind::glu:
      return glu(op);
    case OpKind::act:
      return act(op);
    case OpKind::xielu:
      return xielu(op);
    case OpKind::add:
      return add(op);
    case OpKind::mul:
      return mul(op);
    case OpKind::scale:
      return scale(op);
    case OpKind::shift:
      return shift(op);
    case OpKind::gain:
      return gain(op);
    case OpKind::softcap:
      return softcap(op);
    case OpKind::clamp:
      return clamp(op);
    case OpKind::sparsify:
      return sparsify(op);
    case OpKind::temper:
      return temper(op);
    case OpKind::slice:
      return slice(op);
    case OpKind::concat:
      return concat(op);
    case OpKind::softmax:
      return softmax(op);
    case OpKind::share:
      return share(op);
    case OpKind::limit_groups:
      return limit_groups(op);
    case OpKind::route:
      return route(op);
    case OpKind::gather:
      return gather(op);
    case OpKind::mix:
      return mix(op);
    case OpKind::softplus:
      return softplus(op);
    case OpKind::short_conv:
      return short_conv(op);
    case OpKind::delta:
      return delta(op);
    case OpKind::scan:
      return scan(op);
    case OpKind::pool:
      return pool(op);
    case OpKind::select:
      return select(op);
  }
}

// `first`: of the biases that are the matrix's.
Factor Executable::factor(int weight, int expert, int bias, int first) const {
  if (weight < 0) return {};
  const int quant = static_cast<int>(program_.weights[weight].quant);
  Factor factor = {&experts_[weight][expert], kernels_.linear[quant], kernels_.pack[quant],
                   bias < 0 ? nullptr : vectors_[bias].data() + first};
  if (options_.texts && kernels_.texts_linear[quant]) {
    factor.kernel = kernels_.texts_linear[quant], factor.pack = kernels_.texts_pack;
  } else if (options_.fast) {
    factor.kernel = kernels_.fast_linear[quant], factor.pack = kernels_.fast_pack[quant];
  }
  return factor;
}

void Executable::linear(const Op& op) {
  products_.clear();
  add_product(op);
  products_.run(engine_.pool(), kernels_, scratch(0), scratch_floats_);
}

void Executable::add_product(const Op& op) {
  Product product;
  product.weight = factor(op.weight, 0, op.bias, 0);
  product.up = factor(op.up, 0, op.up_bias, 0);
  product.activation = op.activation;
  product.act = op.kind == OpKind::linear_act;
  product.rows = matrices_[op.weight].rows;
  product.tokens = row_count(op.out);
  product.x = rows(op.x);
  product.out = rows(op.out);
  if (op.kind == OpKind::linear_add) product.residual = rows(op.y);
  products_.add(product);
}

void Executable::group_linear(const Op& op) {
  const int groups = static_cast<int>(experts_[op.weight].size());
  const int columns = matrices_[op.weight].columns, height = program_.buffers[op.out].width / groups;
  const Rows x = rows(op.x), out = rows(op.out);
  products_.clear();
  for (int group = 0; group < groups; group++) {
    Product product;
    product.weight = factor(op.weight, group, -1, 0);
    product.rows = height;
    product.tokens = row_count(op.out);
    product.x = {x.data + int64_t{group} * columns, x.stride};
    product.out = {out.data + int64_t{group} * height, out.stride};
    products_.add(product);
  }
  products_.run(engine_.pool(), kernels_, scratch(0), scratch_floats_);
}

void Executable::expert_linear(const Op& op) {
  const int columns = matrices_[op.weight].columns, experts = static_cast<int>(experts_[op.weight].size());
  const int used = program_.buffers[op.y].width, height = program_.buffers[op.out].width / used;
  routes_.sort(rows(op.y), row_count(op.out), used, experts);
  routes_.gather(engine_.pool(), rows(op.x), columns, program_.buffers[op.x].width != columns);
  routes_.scatter(rows(op.out), height);
  products_.clear();
  for (int expert = 0; expert < experts; expert++) {
    if (routes_.count(expert) == 0) continue;
    Product product;
    product.weight = factor(op.weight, expert, op.bias, expert * height);
    product.up = factor(op.up, expert, op.up_bias, expert * height);
    product.activation = op.activation;
    product.rows = height;
    product.tokens = routes_.count(expert);
    product.x = routes_.gathered(expert);
    product.out = routes_.scattered(expert);
    products_.add(product);
  }
  products_.run(engine_.pool(), kernels_, scratch(0), scratch_floats_);
}

Results Executable::sample() {
  const Rows logits = rows(program_.output);
  const int count = static_cast<int>(batch_->outputs.size());
  Results results{std::vector<Sampled>(count), std::vector<Score>(count)};
  std::atomic<bool> failed{false};
  const auto one = [&](int i) {
    float* const row = logits.row(i);
    if (const int target = batch_->targets[i]; target >= 0) {
      results.scores[i] = score(row, vocab(), target, batch_->bases[i]);
    }
    if (batch_->logits[i]) std::memcpy(batch_->logits[i], row, sizeof(float) * vocab());
    // After a wrong guess there is no id that the next one could agree with, either.
    if (batch_->guesses[i] && results.sampled[i - 1].id != batch_->tokens[batch_->outputs[i]]) return;
    try {
      if (batch_->samplers[i]) results.sampled[i] = batch_->samplers[i]->sample(row);
    } catch (const std::exception&) {  // of memory: nothing may pass the edge of a thread
      failed = true;
    }
  };
  // A sampler moves on with every sample: its outputs are taken in order, by one worker.
  const auto& samplers = batch_->samplers;
  const auto follows = [&](int i) { return i > 0 && i < count && samplers[i] && samplers[i] == samplers[i - 1]; };
  engine_.pool().each(count, [&](int first, int) {
    if (follows(first)) return;
    for (int i = first; i == first || follows(i); i++) one(i);
  });
  if (failed) throw std::bad_alloc();
  return results;
}

}  // namespace deadlift

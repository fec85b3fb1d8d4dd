// Places a program in memory and runs its ops, one after another, each spread over the pool.

#include "native/executable.h"

#include <algorithm>
#include <atomic>
#include <cassert>
#include <climits>
#include <cmath>
#include <cstring>
#include <new>
#include <stdexcept>

namespace deadlift {
namespace {

constexpr int64_t round_up(int64_t n, int64_t to) { return (n + to - 1) / to * to; }

constexpr int64_t kAlignment = 64;

bool is_expert(OpKind kind) { return kind == OpKind::expert_linear || kind == OpKind::expert_glu; }

bool is_product(OpKind kind) {
  return kind == OpKind::linear || kind == OpKind::linear_add || kind == OpKind::linear_glu ||
         kind == OpKind::group_linear || is_expert(kind);
}

// Cuts zeroed memory into aligned pieces.
struct Cutter {
  int64_t bytes = 0;
  int64_t take(int64_t count) {
    const int64_t at = bytes;
    bytes += round_up(count, kAlignment);
    return at;
  }
};

}  // namespace

Executable::Executable(Engine& engine, Program program, const CompileOptions& options)
    : engine_(engine), kernels_(engine.kernels()), program_(std::move(program)), options_(options) {
  place_memory();
  place_weights();
  if (options_.read_ahead) read_ahead();
}

void Executable::read_ahead() {
  std::vector<ReadAhead::Part> parts;
  for (const WeightFacts& weight : program_.weights) {
    for (const FilePart& part : weight.parts) parts.push_back({part.file, part.offset, part.size});
  }
  read_ahead_ = std::make_unique<ReadAhead>(std::move(parts));
}

void Executable::place_weights() {
  for (const WeightFacts& weight : program_.weights) {
    const QuantFacts& quant = quant_facts[static_cast<int>(weight.quant)];
    const int64_t stride = int64_t{weight.columns} / quant.block * quant.bytes;
    const int rows = weight.rows / static_cast<int>(weight.parts.size());
    // Checked here too: a wrong size would read past the mapping.
    const uint64_t bytes = static_cast<uint64_t>(stride) * static_cast<uint64_t>(rows);
    std::vector<Matrix> matrices;
    for (const FilePart& part : weight.parts) {
      if (bytes > part.size || part.size > part.file->size() || part.offset > part.file->size() - part.size) {
        throw std::runtime_error("a weight reaches past the end of its file");
      }
      matrices.push_back({part.file->data() + part.offset, stride, rows, weight.columns});
    }
    matrices_.push_back(matrices[0]);
    experts_.push_back(std::move(matrices));
    vectors_.emplace_back();
  }
  for (const Op& op : program_.ops) {
    if (op.kind == OpKind::group_linear) {
      const int groups = program_.buffers[op.x].width / program_.weights[op.weight].columns;
      split_stack(op.weight, program_.buffers[op.out].width / groups);
    }
    if (!is_expert(op.kind)) continue;
    const int height = program_.buffers[op.out].width / program_.buffers[op.y].width;
    split_stack(op.weight, height);
    if (op.up >= 0) split_stack(op.up, height);
  }
  decode_vectors();
  spread_distances();
  table_rows_.resize(program_.buffers.size());
}

// One matrix after another becomes as many.
void Executable::split_stack(int id, int height) {
  std::vector<Matrix>& experts = experts_[id];
  if (experts.size() > 1) return;
  const Matrix stack = experts[0];
  experts.clear();
  for (int row = 0; row < stack.rows; row += height) {
    experts.push_back({stack.data + row * stack.stride, stack.stride, height, stack.columns});
  }
}

// Norm weights, sinks, taps, rates and biases are read as floats at every step, so they are decoded once; matrices stay
// where they are.
void Executable::decode_vectors() {
  const auto decode = [&](int id) {
    if (id < 0 || !vectors_[id].empty()) return;
    const auto row = kernels_.decode[static_cast<int>(program_.weights[id].quant)];
    std::vector<float>& values = vectors_[id];
    for (const Matrix& matrix : experts_[id]) {  // or the parts of a vector
      for (int64_t r = 0; r < matrix.rows; r++) {
        values.resize(values.size() + matrix.columns);
        row(matrix.data + r * matrix.stride, 0, matrix.columns, 1, values.data() + values.size() - matrix.columns);
      }
    }
  };
  for (const DistancesFacts& facts : program_.distances) decode(facts.table);
  for (const Op& op : program_.ops) {
    const bool is_norm = op.kind == OpKind::norm || op.kind == OpKind::layer_norm;
    if (is_norm) {
      const bool fresh = op.weight >= 0 && vectors_[op.weight].empty();
      decode(op.weight);
      for (size_t i = 0; fresh && i < vectors_[op.weight].size(); i++) vectors_[op.weight][i] += op.offset;
      ones_.resize(std::max<size_t>(ones_.size(), program_.buffers[op.x].width), 1.0f);
      zeros_.resize(ones_.size());
    }
    const bool by_vector = op.kind == OpKind::shift || op.kind == OpKind::gain || op.kind == OpKind::xielu;
    if (op.kind == OpKind::attend || by_vector) decode(op.weight);
    if (op.kind == OpKind::row_scores) decode(op.table), decode(op.norm), decode(op.norm_bias);
    decode(op.bias);
    decode(op.up_bias);
    if (op.state < 0 || !vectors_[op.weight].empty()) continue;
    decode(op.weight);
    turn_state_weights(op);
  }
}

// Taps and rates: channels and heads become lanes.
void Executable::turn_state_weights(const Op& op) {
  const Matrix& matrix = matrices_[op.weight];
  std::vector<float>& vector = vectors_[op.weight];
  std::vector<float> turned(vector.size());
  for (int64_t r = 0; r < matrix.rows; r++) {
    for (int64_t c = 0; c < matrix.columns; c++) {
      const float value = vector[r * matrix.columns + c];
      turned[c * matrix.rows + r] = op.log_rates ? -std::exp(value) : value;
    }
  }
  vector = std::move(turned);
}

void Executable::place_memory() {
  Cutter cutter;
  std::vector<int64_t> offsets;
  for (const SlotFacts& slot : program_.slots) {
    const int64_t stride = padded(slot.width);
    offsets.push_back(cutter.take((slot.outputs ? options_.max_outputs : options_.max_tokens) * stride * 4));
    slots_.push_back({nullptr, stride});
  }
  activations_ = LazyMemory(cutter.bytes);
  for (size_t i = 0; i < slots_.size(); i++) slots_[i].data = activations_.as<float>() + offsets[i] / 4;

  cutter = {};
  offsets.clear();
  for (const RopeFacts& rope : program_.ropes) {
    const int64_t bytes = int64_t{options_.max_tokens} * rope.frequencies.size() * 4;
    offsets.push_back(cutter.take(bytes));
    offsets.push_back(cutter.take(bytes));
  }
  rope_tables_ = LazyMemory(cutter.bytes);
  for (size_t i = 0; i < program_.ropes.size(); i++) {
    cosines_.push_back(rope_tables_.as<float>() + offsets[2 * i] / 4);
    sines_.push_back(rope_tables_.as<float>() + offsets[2 * i + 1] / 4);
  }

  cutter = {};
  for (const KvLayerFacts& layer : program_.layers) {
    layouts_.push_back(
        kv_layout(options_.kv_type, layer.kv_heads, layer.head_dim, layer.value_dim, options_.page_tokens));
    layer_offsets_.push_back(cutter.take(layer.kv_heads * layouts_.back().head_bytes));
  }
  page_bytes_ = cutter.bytes;
  kv_ = LazyMemory(page_bytes_ * options_.pages, Pages::large);

  cutter = {};
  for (const int64_t floats : program_.states) state_offsets_.push_back(cutter.take(floats * 4) / 4);
  slot_floats_ = cutter.bytes / 4;
  states_ = LazyMemory(cutter.bytes * options_.states, Pages::large);
  place_scratch();
}

void Executable::place_scratch() {
  int64_t floats = product_scratch, packed = 0;
  int used = 0, columns = 0;
  const int64_t most_rows = std::max(options_.max_tokens, options_.max_outputs);
  for (const Op& op : program_.ops) {
    if (is_product(op.kind)) {
      packed = std::max(packed, most_packed(op) * packed_stride(program_.weights[op.weight].columns));
    }
    if (op.kind == OpKind::attend) {
      const KvLayerFacts& layer = program_.layers[op.layer];
      floats = std::max(floats, attend_scratch(layer.head_dim, layer.value_dim, op.heads / layer.kv_heads));
    } else if (op.kind == OpKind::delta || op.kind == OpKind::scan) {
      floats = std::max(floats, state_scratch(program_.buffers[op.y].width / op.groups));
    } else if (op.kind == OpKind::limit_groups) {
      floats = std::max(floats, int64_t{3} * program_.buffers[op.x].width);
    } else if (op.kind == OpKind::pool) {
      floats = std::max(floats, int64_t{program_.buffers[op.x].width});
    } else if (is_expert(op.kind)) {
      used = std::max(used, program_.buffers[op.y].width);
      columns = std::max(columns, program_.weights[op.weight].columns);
    }
  }
  routes_.reserve(most_rows * used, columns);
  products_.reserve(packed);
  scratch_floats_ = round_up(floats, kAlignment);
  scratch_ = LazyMemory(scratch_floats_ * 4 * engine_.pool().threads());
}

// Rows of activations of one op, of each expert or group whole packs.
int64_t Executable::most_packed(const Op& op) const {
  const int64_t tokens = std::max(options_.max_tokens, options_.max_outputs);
  if (op.kind == OpKind::group_linear) {
    return round_up(tokens, pack_tokens) * (program_.buffers[op.x].width / program_.weights[op.weight].columns);
  }
  if (!is_expert(op.kind)) return round_up(tokens, pack_tokens);
  const int64_t used = program_.buffers[op.y].width, height = program_.buffers[op.out].width / used;
  const int64_t experts = program_.weights[op.weight].rows / height;
  return tokens * used + std::min(tokens * used, experts) * (pack_tokens - 1);
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
  const bool fast = options_.fast;
  return {&experts_[weight][expert], fast ? kernels_.fast_linear[quant] : kernels_.linear[quant],
          fast ? kernels_.fast_pack[quant] : kernels_.pack[quant], bias < 0 ? nullptr : vectors_[bias].data() + first};
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

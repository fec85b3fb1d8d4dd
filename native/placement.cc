// Where the weights, activations, KV pages, states and scratch of a program lie in memory.

#include <algorithm>
#include <cmath>
#include <stdexcept>

#include "native/executable.h"

namespace deadlift {
namespace {

constexpr int64_t round_up(int64_t n, int64_t to) { return (n + to - 1) / to * to; }

constexpr int64_t kAlignment = 64;

bool is_expert(OpKind kind) { return kind == OpKind::expert_linear || kind == OpKind::expert_glu; }

bool is_product(OpKind kind) {
  return kind == OpKind::linear || kind == OpKind::linear_act || kind == OpKind::linear_add ||
         kind == OpKind::linear_glu || kind == OpKind::group_linear || is_expert(kind);
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
  const bool attends_again = std::any_of(program_.ops.begin(), program_.ops.end(),
                                         [](const Op& op) { return op.kind == OpKind::attend && op.y < 0; });
  for (const KvLayerFacts& layer : program_.layers) {
    layouts_.push_back(
        kv_layout(options_.kv_type, layer.kv_heads, layer.head_dim, layer.value_dim, options_.page_tokens));
    const int64_t bytes = layer.kv_heads * layouts_.back().head_bytes;
    // Of whole texts no layer's keys and values are wanted after it, unless others attend to them, too.
    if (options_.texts && !attends_again) cutter.bytes = 0;
    layer_offsets_.push_back(cutter.take(bytes));
    page_bytes_ = std::max(page_bytes_, cutter.bytes);
  }
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
  // Texts may meet matrices that take them in one form and matrices that take them in another.
  products_.reserve(options_.texts ? 2 * packed : packed);
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

}  // namespace deadlift

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

// Values of element-wise work that are worth waking another thread for: about 10 microseconds' worth.
constexpr int64_t kParallelValues = 32 * 1024;

constexpr int64_t round_up(int64_t n, int64_t to) { return (n + to - 1) / to * to; }

constexpr int64_t kAlignment = 64;

// Values from row to row. Rows a multiple of 2 KiB apart would all fall into the same few sets of the L1 cache.
int64_t padded(int width) {
  const int64_t stride = round_up(width, 16);
  return stride % 512 == 0 ? stride + 16 : stride;
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
}

void Executable::place_weights() {
  for (const WeightFacts& weight : program_.weights) {
    const QuantFacts& quant = quant_facts[static_cast<int>(weight.quant)];
    const int64_t stride = int64_t{weight.columns} / quant.block * quant.bytes;
    // Checked here too: a wrong size would read past the mapping.
    const uint64_t bytes = static_cast<uint64_t>(stride) * static_cast<uint64_t>(weight.rows);
    if (bytes > weight.bytes || weight.bytes > weight.file->size() ||
        weight.offset > weight.file->size() - weight.bytes) {
      throw std::runtime_error("a weight reaches past the end of its file");
    }
    const uint8_t* data = weight.file->data() + weight.offset;
    matrices_.push_back({data, stride, weight.rows, weight.columns});
    vectors_.emplace_back();
  }
  // Norm weights and biases are read as floats at every step, so they are decoded now; matrices stay where they are.
  const auto decode = [&](int id) {
    if (id < 0 || !vectors_[id].empty()) return;
    const Matrix& matrix = matrices_[id];
    vectors_[id].resize(matrix.columns);
    kernels_.decode[static_cast<int>(program_.weights[id].quant)](matrix.data, 0, matrix.columns, 1,
                                                                  vectors_[id].data());
  };
  for (const Op& op : program_.ops) {
    if (op.kind == OpKind::norm) decode(op.weight);
    decode(op.bias);
    decode(op.up_bias);
  }
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

  const int value_bytes = kv_type_bytes[static_cast<int>(options_.kv_type)];
  cutter = {};
  for (const KvLayerFacts& layer : program_.layers) {
    KvLayout layout{layer.kv_heads, layer.head_dim, options_.page_tokens, 0, 0, 0};
    layout.key_stride = static_cast<int>(round_up(options_.page_tokens, 16));
    layout.value_stride = static_cast<int>(round_up(layer.head_dim, 16));
    const int64_t values = layer.head_dim * layout.key_stride + options_.page_tokens * layout.value_stride;
    layout.head_bytes = round_up(values * value_bytes, kAlignment);
    layouts_.push_back(layout);
    layer_offsets_.push_back(cutter.take(layer.kv_heads * layout.head_bytes));
  }
  page_bytes_ = cutter.bytes;
  kv_ = LazyMemory(page_bytes_ * options_.pages);

  int64_t floats = linear_scratch + 2 * linear_tile_max;
  for (const Op& op : program_.ops) {
    if (op.kind != OpKind::attend) continue;
    const KvLayerFacts& layer = program_.layers[op.layer];
    floats = std::max(floats, attend_scratch(layer.head_dim, op.heads / layer.kv_heads));
  }
  scratch_floats_ = round_up(floats, kAlignment);
  scratch_ = LazyMemory(scratch_floats_ * 4 * engine_.pool().threads());
}

Executable::Rows Executable::rows(int buffer) const { return slots_[program_.buffers[buffer].slot]; }

int Executable::row_count(int buffer) const {
  return static_cast<int>(program_.buffers[buffer].outputs ? batch_->outputs.size() : batch_->tokens.size());
}

float* Executable::scratch(int worker) const { return scratch_.as<float>() + scratch_floats_ * worker; }

template <class F>
void Executable::each_row(int count, int values, F&& f) {
  const int64_t per_chunk = std::max<int64_t>(1, kParallelValues / std::max(values, 1));
  const int chunks = static_cast<int>((count + per_chunk - 1) / per_chunk);
  engine_.pool().each(chunks, [&](int chunk, int) {
    const int64_t end = std::min<int64_t>(count, (chunk + 1) * per_chunk);
    for (int64_t row = chunk * per_chunk; row < end; row++) f(static_cast<int>(row));
  });
}

Results Executable::run(const Batch& batch) {
  start_step(batch);
  for (const Op& op : program_.ops) {
    if (engine_.pool().cancelled()) throw std::runtime_error("the engine was stopped");
    run_op(op);
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

void Executable::run_op(const Op& op) {
  const int count = row_count(op.out);
  if (count == 0) return;
  const auto product = [&](Rows residual) {
    return Product{op.weight, op.bias, rows(op.x), rows(op.out), residual, op.up, op.up_bias};
  };
  switch (op.kind) {
    case OpKind::embed:
      return embed(op);
    case OpKind::linear:
      return linear(product({nullptr, 0}), count);
    case OpKind::linear_add:
      return linear(product(rows(op.y)), count);
    case OpKind::linear_glu:
      return linear(product({nullptr, 0}), count);
    case OpKind::norm:
      return norm(op);
    case OpKind::rope:
      return rope(op);
    case OpKind::attend:
      return attend(op);
    case OpKind::glu:
      return glu(op);
    case OpKind::add:
      return add(op);
    case OpKind::select:
      return select(op);
  }
}

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
  each_row(row_count(op.out), width * 8,
           [&](int token) { kernels_.glu(out.row(token), gate.row(token), up.row(token), width); });
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

// Work is cut into tiles of rows and tokens. How it is cut never changes a bit of the result (see linear.h).
void Executable::linear(const Product& product, int tokens) {
  const Matrix& weight = matrices_[product.weight];
  const int token_tile = std::min(tokens, linear_tokens_max);
  const int most_rows = std::min(linear_rows_max, linear_tile_max / token_tile / 4 * 4);
  // Some chunks per thread, so that a thread that is held up does not hold up the others.
  const int wanted = static_cast<int>(round_up(weight.rows / (engine_.pool().threads() * 4) + 1, 4));
  const bool small = int64_t{weight.rows} * weight.columns * tokens < kParallelValues;
  const int row_tile = small ? most_rows : std::clamp(wanted, 4, most_rows);
  const int row_tiles = (weight.rows + row_tile - 1) / row_tile;
  const int token_tiles = (tokens + token_tile - 1) / token_tile;
  const auto tile = [&](int chunk, int worker) {
    const int row = chunk / token_tiles * row_tile, token = chunk % token_tiles * token_tile;
    linear_tile(product, row, std::min(row_tile, weight.rows - row), token, std::min(token_tile, tokens - token),
                worker);
  };
  if (small) {
    for (int chunk = 0; chunk < row_tiles * token_tiles; chunk++) tile(chunk, 0);
  } else {
    engine_.pool().each(row_tiles * token_tiles, tile);
  }
}

void Executable::linear_tile(const Product& p, int row, int rows, int token, int tokens, int worker) {
  float* const work = scratch(worker);
  const auto multiply = [&](int id, int bias, float* out, int64_t stride) {
    const auto kernel = kernels_.linear[static_cast<int>(program_.weights[id].quant)];
    kernel(matrices_[id], row, rows, p.x.row(token), p.x.stride, tokens, out, stride, work + 2 * linear_tile_max);
    if (bias < 0) return;
    for (int t = 0; t < tokens; t++) kernels_.add(out + t * stride, out + t * stride, &vectors_[bias][row], rows);
  };
  float* const out = p.out.row(token) + row;
  if (p.up >= 0) {
    float* const gates = work;  // (tokens, rows)
    float* const ups = work + linear_tile_max;
    multiply(p.weight, p.bias, gates, rows);
    multiply(p.up, p.up_bias, ups, rows);
    for (int t = 0; t < tokens; t++) kernels_.glu(out + t * p.out.stride, gates + t * rows, ups + t * rows, rows);
    return;
  }
  if (!p.residual.data) return multiply(p.weight, p.bias, out, p.out.stride);
  multiply(p.weight, p.bias, work, rows);
  for (int t = 0; t < tokens; t++) {
    kernels_.add(out + t * p.out.stride, p.residual.row(token + t) + row, work + t * rows, rows);
  }
}

void Executable::cut_tiles(int group) {
  if (tiles_group_ == group) return;
  tiles_group_ = group;
  tiles_.clear();
  const int most = std::max(1, attend_queries_max / group);
  for (int s = 0; s < static_cast<int>(batch_->spans.size()); s++) {
    const int count = batch_->spans[s].count;
    for (int first = 0; first < count; first += most) tiles_.push_back({s, first, std::min(most, count - first)});
  }
}

Attention Executable::attention(const Op& op, const Span& span, int first_token) const {
  const Rows q = rows(op.x), k = rows(op.y), v = rows(op.z), out = rows(op.out);
  Attention a{};
  a.kv = {&layouts_[op.layer], kv_.as<uint8_t>() + layer_offsets_[op.layer], page_bytes_, span.pages};
  a.q = q.row(first_token), a.q_stride = q.stride;
  a.k = k.row(first_token), a.k_stride = k.stride;
  a.v = v.row(first_token), a.v_stride = v.stride;
  a.out = out.row(first_token), a.out_stride = out.stride;
  a.position = span.position;
  a.tokens = span.count;
  a.heads = op.heads;
  a.scale = op.scale;
  a.window = op.window > 0 ? op.window : INT32_MAX;
  return a;
}

void Executable::attend(const Op& op) {
  const int kv_heads = program_.layers[op.layer].kv_heads;
  const int type = static_cast<int>(options_.kv_type);
  cut_tiles(op.heads / kv_heads);
  const int tasks = static_cast<int>(tiles_.size()) * kv_heads;
  const auto of_task = [&](int task, auto&& f) {
    const Tile& tile = tiles_[task / kv_heads];
    f(attention(op, batch_->spans[tile.span], span_starts_[tile.span]), task % kv_heads, tile.first, tile.count);
  };
  const auto store = [&](int task, int) {
    of_task(task, [&](const Attention& a, int head, int first, int count) {
      kernels_.store_kv[type](a, head, first, count);
    });
  };
  const auto walk = [&](int task, int worker) {
    // The last tokens see the most: begin with them, so that no thread ends alone.
    of_task(tasks - 1 - task, [&](const Attention& a, int head, int first, int count) {
      kernels_.attend[type](a, head, first, count, scratch(worker));
    });
  };
  int64_t seen = 0;
  for (const Span& span : batch_->spans) seen += int64_t{span.count} * (span.position + span.count);
  if (seen * program_.buffers[op.x].width < kParallelValues) {
    for (int task = 0; task < tasks; task++) store(task, 0);
    for (int task = 0; task < tasks; task++) walk(task, 0);
  } else {
    engine_.pool().each(tasks, store);
    engine_.pool().each(tasks, walk);
  }
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

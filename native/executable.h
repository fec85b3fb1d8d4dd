// A program with its weights, its activations and its KV pages: runs one step after another.

#pragma once

#include <algorithm>
#include <atomic>
#include <memory>
#include <vector>

#include "native/engine.h"
#include "native/memory.h"
#include "native/products.h"
#include "native/program.h"
#include "native/read_ahead.h"
#include "native/routes.h"
#include "native/rows.h"
#include "native/sample.h"
#include "native/score.h"

namespace deadlift {

// What a step gives back.
struct Results {
  std::vector<Sampled> sampled;
  std::vector<Score> scores;
};

class Executable {
 public:
  // Keeps the weights' files mapped. Throws std::bad_alloc.
  Executable(Engine& engine, Program program, const CompileOptions& options);
  Executable(const Executable&) = delete;
  Executable& operator=(const Executable&) = delete;

  Engine& engine() { return engine_; }
  int vocab() const { return program_.buffers[program_.output].width; }

  // In jobs of the engine only:

  // Runs one step; (outputs) each, empty where there is no sampler, a wrong guess, or no target.
  Results run(const Batch& batch);
  void copy_page(int from, int to);

 private:
  // Neighbouring tokens of one span whose queries walk their keys together.
  struct Tile {
    int span;
    int first;  // token, within the span
    int count;
  };

  // One key head's walk for a tile: all of it, or one of the parts into which `cuts_[cut]` is cut.
  struct Walk {
    int tile;
    int head;
    int part;  // -1: all
    int cut;
  };
  struct Cut {
    int first;  // part that its tokens see any of
    int parts;
    int64_t seen;   // where in seen_ what the parts have seen begins,
    int64_t apart;  // and how far apart they are
  };

  void place_weights();
  void split_stack(int id, int height);
  void decode_vectors();
  void turn_state_weights(const Op& op);
  void place_memory();
  void place_scratch();
  int64_t most_packed(const Op& op) const;
  void read_ahead();

  // Values of element-wise work that are worth waking another thread for: about 10 microseconds' worth.
  static constexpr int64_t kParallelValues = 32 * 1024;
  // So that a thread that is held up does not hold up the others.
  static constexpr int kWalksPerThread = 4;

  Rows rows(int buffer) const;
  int row_count(int buffer) const;
  float* scratch(int worker) const;

  void start_step(const Batch& batch);
  void fill_ropes();
  void cut_tiles(int group);
  size_t run_ops(size_t first);
  void spread_distances();
  bool cut_walks(const Op& op);
  void walk(const Op& op, const Walk& walk, float* scratch);
  void run_op(const Op& op);
  void embed(const Op& op);
  void norm(const Op& op);
  void layer_norm(const Op& op);
  void rope(const Op& op);
  void attend(const Op& op);
  void row_scores(const Op& op);
  const std::vector<float>& rows_of_table(const Op& op);
  void glu(const Op& op);
  void act(const Op& op);
  void xielu(const Op& op);
  void add(const Op& op);
  void mul(const Op& op);
  void scale(const Op& op);
  void shift(const Op& op);
  void gain(const Op& op);
  void softcap(const Op& op);
  void clamp(const Op& op);
  void sparsify(const Op& op);
  void temper(const Op& op);
  void slice(const Op& op);
  void concat(const Op& op);
  void share(const Op& op);
  void limit_groups(const Op& op);
  void pool(const Op& op);
  void select(const Op& op);
  void softmax(const Op& op);
  void route(const Op& op);
  void gather(const Op& op);
  void mix(const Op& op);
  void softplus(const Op& op);
  void short_conv(const Op& op);
  void delta(const Op& op);
  void scan(const Op& op);
  float* state(const Op& op, int slot) const;
  void linear(const Op& op);
  void add_product(const Op& op);
  void group_linear(const Op& op);
  void expert_linear(const Op& op);
  Factor factor(int weight, int expert, int bias, int first) const;
  int span_of(int token) const;
  int step_of(int weight, int group) const;
  void pool_rows(float* out, Rows x, int first, int count, int width, Pooling pooling, float* scratch) const;
  Attention attention(const Op& op, const Span& span, int first_token) const;
  Results sample();

  // Calls f(row) for all rows of a step: on this thread when there is little to do.
  template <class F>
  void each_row(int count, int values, F&& f) {
    const int64_t per_chunk = std::max<int64_t>(1, kParallelValues / std::max(values, 1));
    const int chunks = static_cast<int>((count + per_chunk - 1) / per_chunk);
    engine_.pool().each(chunks, [&](int chunk, int) {
      const int64_t end = std::min<int64_t>(count, (chunk + 1) * per_chunk);
      for (int64_t row = chunk * per_chunk; row < end; row++) f(static_cast<int>(row));
    });
  }

  // Calls f(span, piece, worker) for all pieces of all spans, pieces of so many values for each token.
  template <class F>
  void each_piece(int pieces, int values, F&& f) {
    const int spans = static_cast<int>(batch_->spans.size());
    const auto one = [&](int i, int worker) { f(i / pieces, i % pieces, worker); };
    if (static_cast<int64_t>(batch_->tokens.size()) * pieces * values >= kParallelValues) {
      return engine_.pool().each(spans * pieces, one);
    }
    for (int i = 0; i < spans * pieces; i++) one(i, 0);
  }

  Engine& engine_;
  const Kernels& kernels_;
  Program program_;
  CompileOptions options_;
  std::vector<Matrix> matrices_;                // (weights); of those in parts the first
  std::vector<std::vector<Matrix>> experts_;    // (weights) the matrices of a stack
  std::vector<std::vector<float>> vectors_;     // (weights) decoded, for those that are no matrices
  std::vector<std::vector<float>> distances_;   // (distances) for each head, of every distance as attend reads them
  std::vector<std::vector<int32_t>> numbers_;   // (distances) likewise
  std::vector<std::vector<float>> table_rows_;  // (buffers) of row_scores: what its matrix makes of its table
  std::vector<float> ones_, zeros_;             // in the places of norms' weights and biases that are not there

  LazyMemory activations_;
  std::vector<Rows> slots_;
  LazyMemory kv_;
  std::vector<KvLayout> layouts_;       // (layers)
  std::vector<int64_t> layer_offsets_;  // (layers) within a page
  int64_t page_bytes_ = 0;
  LazyMemory states_;
  std::vector<int64_t> state_offsets_;  // (states) within a slot, in floats
  int64_t slot_floats_ = 0;
  LazyMemory rope_tables_;               // per rope: cosines, then sines, (max_tokens, pairs) each
  std::vector<float*> cosines_, sines_;  // (ropes)
  LazyMemory scratch_;
  int64_t scratch_floats_ = 0;

  // Of the running step.
  const Batch* batch_ = nullptr;
  std::vector<int> span_starts_;  // (spans) first token
  std::vector<int> positions_;    // (tokens)
  std::vector<Tile> tiles_;
  int tiles_group_ = 0;
  std::vector<Walk> walks_;
  std::vector<Cut> cuts_;
  std::vector<std::atomic<int>> left_;  // (cuts) parts that have not been walked
  std::vector<float> seen_;
  Products products_;
  Routes routes_;

  std::unique_ptr<ReadAhead> read_ahead_;
};

}  // namespace deadlift

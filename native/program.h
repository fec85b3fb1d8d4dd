// A program as the engine holds it: src/program/ops.ts in C++.

#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "kernels/cpu/kernels.h"
#include "native/file.h"

namespace deadlift {

enum class OpKind : uint8_t {
  embed,
  linear,
  group_linear,
  norm,
  layer_norm,
  rope,
  attend,
  row_scores,
  glu,
  act,
  xielu,
  add,
  mul,
  scale,
  shift,
  gain,
  softcap,
  clamp,
  sparsify,
  temper,
  slice,
  concat,
  softmax,
  share,
  limit_groups,
  route,
  gather,
  expert_linear,
  mix,
  softplus,
  short_conv,
  delta,
  scan,
  pool,
  select,
  linear_add,
  linear_glu,
  expert_glu
};

// What of a token chooses its row of a table.
enum class EmbedIndex : uint8_t { token, position, segment };

enum class Pooling : uint8_t { first, last, max, mean, mean_sqrt, weighted_mean };

// One op. Fields that its kind does not have stay -1. Buffers and weights are indices; see src/program/ops.ts and
// recurrent_ops.ts.
struct Op {
  OpKind kind;
  int out = -1;
  int x = -1;  // also: q of attend and delta, gate of glu, a of add, mul and concat
  int y = -1;  // k of attend (-1: stored before) and delta, up of glu, b of those and of scan, residual of linear_add,
               // chosen experts, weights of mix
  int z = -1;  // v of attend and delta, c of scan
  int step = -1;    // of delta and scan
  int beta = -1;    // of delta
  int weight = -1;  // also: table of embed, p of xielu, sinks of attend, gate of linear_glu and expert_glu, rates of
                    // delta and scan
  int bias = -1;    // also: gateBias, skip of scan, n of xielu
  int up = -1;      // of linear_glu and expert_glu
  int up_bias = -1;
  Activation activation = Activation::silu;
  int rope = -1;
  int distances = -1;
  int by_query = -1;  // buffers
  int by_key = -1;
  int table = -1;  // of row_scores
  int norm = -1;
  int norm_bias = -1;
  int layer = -1;
  int heads = 0;
  int head_dim = 0;
  int window = 0;  // 0: everything
  bool causal = true;
  EmbedIndex index = EmbedIndex::token;
  Pooling pooling = Pooling::first;
  int offset = 0;  // of embed: added to the index; of norms: to the weights
  int group = 0;   // of norms
  int from = 0;    // of slice
  int stride = 0;
  int groups = 0;  // of concat, limit_groups and scan, key heads of delta
  int used = 0;    // of limit_groups
  int best = 0;
  int length = 0;  // of temper
  float floor = 0;
  float epsilon = 0;
  float scale = 0;    // also: factor of scale and sparsify
  float softcap = 0;  // also: cap of softcap and clamp; of attend 0: none
  int state = -1;
  bool log_rates = false;
  bool keys_in_turn = false;
  float least = 0;  // of softplus
  float most = 0;
};

struct BufferFacts {
  int width;
  bool outputs;  // rows are the outputs of a step, not its tokens
  int slot;      // -1: never written
};

struct SlotFacts {
  int width;
  bool outputs;
};

struct WeightFacts {
  std::vector<FilePart> parts;  // several: the matrices of a stack that lie apart
  Quant quant;
  int rows;  // of all matrices of a stack
  int columns;
};

struct RopeFacts {
  std::vector<float> frequencies;  // (pairs)
  float magnitude;
  bool half;
};

// What scores gain by distance: a table's row by its number, or a loss for each step, or what numbers mean to tokens.
struct DistancesFacts {
  int table;                     // -1: slopes, or numbers
  std::vector<int32_t> buckets;  // (2 * reach + 1)
  std::vector<float> slopes;     // (heads)
  int reach;
};

struct KvLayerFacts {
  int kv_heads;
  int head_dim;   // of a key
  int value_dim;  // of a value
};

struct Program {
  std::vector<Op> ops;
  std::vector<BufferFacts> buffers;
  std::vector<SlotFacts> slots;
  std::vector<WeightFacts> weights;
  std::vector<RopeFacts> ropes;
  std::vector<DistancesFacts> distances;
  std::vector<KvLayerFacts> layers;
  std::vector<int64_t> states;  // floats of each
  int output = -1;
};

struct CompileOptions {
  int pages;
  int page_tokens;
  int states;
  int max_tokens;
  int max_outputs;
  KvType kv_type;
  bool fast;        // activations of 8 bits where that is less work
  bool read_ahead;  // of the weights
};

class Sampler;
struct Sampled;

// The part of a step that belongs to one sequence.
struct Span {
  int count;
  int position;          // of its first token
  const int32_t* pages;  // of the sequence
  int state_from;        // slot with its states before the first token, -1: there are none
  int state_to;          // slot for those after the last one, -1: nobody goes on from them
};

// One step; see NativeBatch in src/native.ts.
struct Batch {
  std::vector<int32_t> tokens;
  std::vector<int32_t> segments;  // (tokens), or empty: all 0
  std::vector<Span> spans;
  std::vector<int32_t> span_pages;
  std::vector<int32_t> outputs;
  std::vector<Sampler*> samplers;   // (outputs), null: none; those of one are neighbours
  std::vector<int32_t> guesses;     // (outputs) 1: sampled only if the output before it has sampled this one's token
  std::vector<float*> logits;       // (outputs), null: not wanted
  std::vector<int32_t> targets;     // (outputs) id to score, -1: none
  std::vector<const float*> bases;  // (outputs) logits to compare with, null: none
};

}  // namespace deadlift

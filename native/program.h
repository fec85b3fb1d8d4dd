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
  norm,
  layer_norm,
  rope,
  attend,
  glu,
  act,
  add,
  mul,
  scale,
  shift,
  softcap,
  slice,
  concat,
  softmax,
  share,
  limit_groups,
  route,
  gather,
  expert_linear,
  mix,
  normalize,
  pool,
  select,
  linear_act,
  linear_add,
  linear_glu,
  expert_glu
};

// What of a token chooses its row of a table.
enum class EmbedIndex : uint8_t { token, position, segment };

enum class Pooling : uint8_t { first, last, max, mean, mean_sqrt, weighted_mean };

// One op. Fields that its kind does not have stay -1. Buffers and weights are indices; see src/program/ops.ts.
struct Op {
  OpKind kind;
  int out = -1;
  int x = -1;       // also: q of attend, gate of glu, a of add, mul and concat
  int y = -1;       // k of attend, up of glu, b of those, residual of linear_add, chosen experts, weights of mix
  int z = -1;       // v of attend
  int weight = -1;  // also: table of embed, sinks of attend, gate of linear_glu and expert_glu
  int bias = -1;    // also: gateBias
  int up = -1;      // of linear_glu and expert_glu
  int up_bias = -1;
  Activation activation = Activation::silu;
  int rope = -1;
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
  int groups = 0;  // of concat and limit_groups
  int used = 0;    // of limit_groups
  int best = 0;
  float floor = 0;
  float epsilon = 0;
  float scale = 0;    // also: factor of scale
  float softcap = 0;  // also: cap of softcap; of attend 0: none
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

struct KvLayerFacts {
  int kv_heads;
  int head_dim;
};

struct Program {
  std::vector<Op> ops;
  std::vector<BufferFacts> buffers;
  std::vector<SlotFacts> slots;
  std::vector<WeightFacts> weights;
  std::vector<RopeFacts> ropes;
  std::vector<KvLayerFacts> layers;
  int output = -1;
};

struct CompileOptions {
  int pages;
  int page_tokens;
  int max_tokens;
  int max_outputs;
  KvType kv_type;
  bool fast;        // activations of 8 bits where that is less work
  bool read_ahead;  // of the weights
  bool texts;       // steps hold whole texts: bits of a single token are not asked for
};

class Sampler;
struct Sampled;

// The part of a step that belongs to one sequence.
struct Span {
  int count;
  int position;          // of its first token
  const int32_t* pages;  // of the sequence
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

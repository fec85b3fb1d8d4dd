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
  rope,
  attend,
  glu,
  add,
  softmax,
  route,
  gather,
  expert_linear,
  mix,
  softplus,
  short_conv,
  delta,
  scan,
  select,
  linear_add,
  linear_glu,
  expert_glu
};

// One op. Fields that its kind does not have stay -1. Buffers and weights are indices; see src/program/ops.ts and
// recurrent_ops.ts.
struct Op {
  OpKind kind;
  int out = -1;
  int x = -1;       // also: q of attend and delta, gate of glu, a of add
  int y = -1;       // k of attend and delta, up of glu, b of add and scan, residual of linear_add, chosen experts,
                    // weights of mix
  int z = -1;       // v of attend and delta, c of scan
  int step = -1;    // of delta and scan
  int beta = -1;    // of delta
  int weight = -1;  // also: table of embed, sinks of attend, gate of linear_glu and expert_glu, rates of delta and scan
  int bias = -1;    // also: gateBias, skip of scan
  int up = -1;      // of linear_glu and expert_glu
  int up_bias = -1;
  Activation activation = Activation::silu;
  int rope = -1;
  int layer = -1;
  int heads = 0;
  int head_dim = 0;
  int window = 0;  // 0: everything before
  int groups = 0;  // also: keyHeads of delta
  int state = -1;
  bool log_rates = false;
  float epsilon = 0;
  float scale = 0;
  float least = 0;
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
  std::shared_ptr<const MappedFile> file;
  uint64_t offset;
  uint64_t bytes;
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
  int state_to;          // slot for those after the last one
};

// One step; see NativeBatch in src/native.ts.
struct Batch {
  std::vector<int32_t> tokens;
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

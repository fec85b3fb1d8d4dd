// JavaScript's objects as native structs, and back: the border's two directions. Included by addon.cc only.
#pragma once

#include <napi.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "native/convert.h"
#include "native/executable.h"
#include "native/file.h"
#include "native/program.h"
#include "native/reorder.h"
#include "native/repack.h"
#include "native/sample.h"

namespace deadlift {
namespace {

using Napi::CallbackInfo;
using Napi::Env;
using Napi::Object;
using Napi::Value;

template <class T>
T& handle(const Value& value) {
  return *value.As<Napi::External<T>>().Data();
}

int integer(const Value& object, const char* key) { return object.As<Object>().Get(key).ToNumber().Int32Value(); }
double number(const Value& object, const char* key) { return object.As<Object>().Get(key).ToNumber().DoubleValue(); }
std::string text(const Value& object, const char* key) { return object.As<Object>().Get(key).ToString(); }

/// An index that may be undefined.
int optional(const Object& object, const char* key) {
  const Value value = object.Get(key);
  return value.IsNumber() ? value.ToNumber().Int32Value() : -1;
}

/// A number that may be undefined: then 0.
float real(const Object& object, const char* key) {
  const Value value = object.Get(key);
  return value.IsNumber() ? static_cast<float>(value.ToNumber().DoubleValue()) : 0;
}

template <class T>
std::vector<T> list(const Value& array, const std::function<T(const Value&)>& convert) {
  const auto from = array.As<Napi::Array>();
  std::vector<T> to;
  for (uint32_t i = 0; i < from.Length(); i++) to.push_back(convert(from.Get(i)));
  return to;
}

std::vector<int32_t> integers(const Value& array) {
  const auto from = array.As<Napi::Int32Array>();
  return {from.Data(), from.Data() + from.ElementLength()};
}

Napi::Array strings(Env env, const std::vector<std::string>& from) {
  const auto to = Napi::Array::New(env, from.size());
  for (uint32_t i = 0; i < from.size(); i++) to.Set(i, from[i]);
  return to;
}

/// A mapped file and the windows JavaScript has seen of it.
struct FileHandle {
  std::shared_ptr<const MappedFile> file;                   // null: closed
  std::vector<Napi::Reference<Napi::ArrayBuffer>> windows;  // weak
};

using SharedFile = std::shared_ptr<FileHandle>;

const MappedFile& open_file(const SharedFile& handle) {
  if (!handle->file) throw std::runtime_error("the file is closed");
  return *handle->file;
}

SamplerOptions read_sampler_options(const Value& from) {
  const auto object = from.As<Object>();
  SamplerOptions options;
  options.vocab = integer(from, "vocab");
  options.temperature = number(from, "temperature");
  options.top_k = integer(from, "topK");
  options.top_p = number(from, "topP");
  options.min_p = number(from, "minP");
  options.typical_p = number(from, "typicalP");
  options.repetition_penalty = number(from, "repetitionPenalty");
  options.frequency_penalty = number(from, "frequencyPenalty");
  options.presence_penalty = number(from, "presencePenalty");
  options.logprobs = integer(from, "logprobs");
  options.history = integers(object.Get("history"));
  const std::vector<int32_t> ids = integers(object.Get("biasIds"));
  const auto values = object.Get("biasValues").As<Napi::Float32Array>();
  for (size_t i = 0; i < ids.size(); i++) options.bias.push_back({ids[i], values[i]});
  bool lossless;
  options.seed = object.Get("seed").As<Napi::BigInt>().Uint64Value(&lossless);
  return options;
}

Value sampled_value(Env env, const Sampled& sampled) {
  const auto result = Object::New(env);
  result.Set("id", sampled.id);
  if (!sampled.has_logprob) return result;
  result.Set("logprob", sampled.logprob);
  const auto top = Napi::Array::New(env, sampled.top.size());
  for (uint32_t i = 0; i < sampled.top.size(); i++) {
    const auto one = Object::New(env);
    one.Set("id", sampled.top[i].id);
    one.Set("logprob", sampled.top[i].logprob);
    top.Set(i, one);
  }
  result.Set("top", top);
  return result;
}

Value score_value(Env env, const Score& score) {
  const auto result = Object::New(env);
  result.Set("nll", score.nll);
  if (!score.has_base) return result;
  result.Set("divergence", score.divergence);
  result.Set("sameTop", score.same_top);
  return result;
}

template <class T>
T named(const Value& object, const char* key, std::initializer_list<std::pair<const char*, T>> names) {
  const std::string name = text(object, key);
  for (const auto& [each, value] : names)
    if (name == each) return value;
  throw std::runtime_error("unknown " + std::string(key) + " " + name);
}

OpKind op_kind(const std::string& kind) {
  static const std::pair<const char*, OpKind> kinds[] = {
      {"embed", OpKind::embed},
      {"linear", OpKind::linear},
      {"group_linear", OpKind::group_linear},
      {"norm", OpKind::norm},
      {"layer_norm", OpKind::layer_norm},
      {"rope", OpKind::rope},
      {"attend", OpKind::attend},
      {"row_scores", OpKind::row_scores},
      {"glu", OpKind::glu},
      {"act", OpKind::act},
      {"xielu", OpKind::xielu},
      {"add", OpKind::add},
      {"mul", OpKind::mul},
      {"scale", OpKind::scale},
      {"shift", OpKind::shift},
      {"gain", OpKind::gain},
      {"softcap", OpKind::softcap},
      {"clamp", OpKind::clamp},
      {"sparsify", OpKind::sparsify},
      {"temper", OpKind::temper},
      {"slice", OpKind::slice},
      {"concat", OpKind::concat},
      {"softmax", OpKind::softmax},
      {"share", OpKind::share},
      {"limit_groups", OpKind::limit_groups},
      {"route", OpKind::route},
      {"gather", OpKind::gather},
      {"expert_linear", OpKind::expert_linear},
      {"mix", OpKind::mix},
      {"softplus", OpKind::softplus},
      {"short_conv", OpKind::short_conv},
      {"delta", OpKind::delta},
      {"scan", OpKind::scan},
      {"pool", OpKind::pool},
      {"select", OpKind::select},
      {"linear_add", OpKind::linear_add},
      {"linear_glu", OpKind::linear_glu},
      {"expert_glu", OpKind::expert_glu},
  };
  for (const auto& [name, value] : kinds)
    if (kind == name) return value;
  throw std::runtime_error("unknown op " + kind);
}

// What an op says in words.
void read_words(Op& op, const Object& from) {
  if (from.Has("activation")) {
    op.activation = named<Activation>(from, "activation",
                                      {{"silu", Activation::silu},
                                       {"gelu", Activation::gelu},
                                       {"gelu_tanh", Activation::gelu_tanh},
                                       {"gelu_quick", Activation::gelu_quick},
                                       {"relu", Activation::relu},
                                       {"relu2", Activation::relu2},
                                       {"sigmoid", Activation::sigmoid},
                                       {"tanh", Activation::tanh},
                                       {"clamped_swish", Activation::clamped_swish}});
  }
  if (from.Has("index")) {
    op.index = named<EmbedIndex>(
        from, "index",
        {{"token", EmbedIndex::token}, {"position", EmbedIndex::position}, {"segment", EmbedIndex::segment}});
  }
  if (from.Has("pooling")) {
    op.pooling = named<Pooling>(from, "pooling",
                                {{"first", Pooling::first},
                                 {"last", Pooling::last},
                                 {"max", Pooling::max},
                                 {"mean", Pooling::mean},
                                 {"mean_sqrt", Pooling::mean_sqrt},
                                 {"weighted_mean", Pooling::weighted_mean}});
  }
}

Op read_op(const Value& value) {
  const auto from = value.As<Object>();
  const auto first = [&](std::initializer_list<const char*> keys) {
    for (const char* key : keys)
      if (const int id = optional(from, key); id >= 0) return id;
    return -1;
  };
  Op op{op_kind(text(from, "kind"))};
  const bool gated = op.kind == OpKind::linear_glu || op.kind == OpKind::expert_glu;
  op.out = optional(from, "out");
  op.x = gated ? optional(from, "x") : first({"x", "q", "gate", "a"});
  op.y = gated ? optional(from, "chosen") : first({"k", "up", "b", "residual", "chosen", "weights"});
  op.z = first({"v", "c"});
  op.step = optional(from, "step");
  op.beta = optional(from, "beta");
  op.weight = gated ? optional(from, "gate") : first({"weight", "table", "sinks", "rates", "p"});
  op.bias = first({"bias", "gateBias", "skip", "n"});
  op.up = gated ? optional(from, "up") : -1;
  op.up_bias = optional(from, "upBias");
  op.rope = optional(from, "rope");
  op.distances = optional(from, "distances");
  op.by_query = optional(from, "byQuery");
  op.by_key = optional(from, "byKey");
  op.table = optional(from, "table");
  op.norm = optional(from, "norm");
  op.norm_bias = optional(from, "normBias");
  op.layer = optional(from, "layer");
  op.heads = std::max(0, optional(from, "heads"));
  op.head_dim = std::max(0, optional(from, "headDim"));
  op.window = std::max(0, optional(from, "window"));
  op.offset = std::max(0, optional(from, "offset"));
  op.group = std::max(0, optional(from, "group"));
  op.from = std::max(0, optional(from, "from"));
  op.stride = std::max(0, optional(from, "stride"));
  op.groups = std::max(0, first({"groups", "keyHeads"}));
  op.used = std::max(0, optional(from, "used"));
  op.best = std::max(0, optional(from, "best"));
  op.length = std::max(0, optional(from, "length"));
  op.floor = real(from, "floor");
  op.state = optional(from, "state");
  op.log_rates = from.Get("logRates").ToBoolean();
  op.keys_in_turn = from.Get("keysInTurn").ToBoolean();
  op.least = real(from, "least");
  op.most = real(from, "most");
  op.epsilon = real(from, "epsilon");
  op.scale = real(from, from.Has("factor") ? "factor" : "scale");
  op.softcap = real(from, from.Has("cap") ? "cap" : "softcap");
  if (from.Has("causal")) op.causal = from.Get("causal").ToBoolean();
  read_words(op, from);
  return op;
}

Quant quant_of(const std::string& name) {
  for (int i = 0; i < quant_count; i++)
    if (name == quant_facts[i].name) return static_cast<Quant>(i);
  throw std::runtime_error("no kernels for weights of type " + name);
}

int64_t whole(const Value& object, const char* key) { return static_cast<int64_t>(number(object, key)); }

FilePart read_part(const Value& value) {
  if (!value.IsObject()) return {};
  const SharedFile& file = handle<SharedFile>(value.As<Object>().Get("file"));
  open_file(file);
  return {file->file, static_cast<uint64_t>(number(value, "offset")),
          static_cast<uint64_t>(number(value, "byteLength"))};
}

CodePlane read_codes(const Value& from) {
  if (!from.IsObject()) return {};
  return {read_part(from.As<Object>().Get("part")),
          named<Packing>(from, "packing",
                         {{"words along", Packing::words_along},
                          {"words down", Packing::words_down},
                          {"awq down", Packing::awq_down},
                          {"bytes", Packing::bytes},
                          {"signed bytes", Packing::signed_bytes},
                          {"high first", Packing::high_first},
                          {"low first", Packing::low_first}}),
          integer(from, "bits"), whole(from, "step"), whole(from, "apart")};
}

ScalePlane read_scales(const Value& from) {
  const auto object = from.As<Object>();
  ScalePlane scales;
  scales.part = read_part(object.Get("part"));
  scales.type = named<ScaleType>(from, "type",
                                 {{"F32", ScaleType::f32},
                                  {"F16", ScaleType::f16},
                                  {"BF16", ScaleType::bf16},
                                  {"F8_E8M0", ScaleType::e8m0},
                                  {"looked up", ScaleType::looked_up}});
  scales.factor = static_cast<float>(number(from, "factor"));
  scales.flat = object.Get("flat").ToBoolean();
  scales.rows = whole(from, "rows");
  scales.row_step = whole(from, "rowStep");
  scales.group_step = whole(from, "groupStep");
  if (const Value nested = object.Get("nested"); nested.IsObject()) {
    const auto table = nested.As<Object>().Get("table").As<Napi::Float32Array>();
    scales.table.assign(table.Data(), table.Data() + table.ElementLength());
    scales.table.resize(256);
    scales.blocks = read_part(nested.As<Object>().Get("blocks"));
    scales.block = whole(nested, "block");
    scales.offset = static_cast<float>(number(nested, "offset"));
  }
  return scales;
}

RepackJob read_repack(const Object& from) {
  RepackJob job;
  job.codes = read_codes(from.Get("codes"));
  if (const Value levels = from.Get("levels"); levels.IsString()) job.levels = quant_of(levels.ToString());
  job.scales = read_scales(from.Get("scales"));
  job.zeros = read_codes(from.Get("zeros"));
  job.zero = integer(from, "zero");
  job.zero_add = integer(from, "zeroAdd");
  job.group = whole(from, "group");
  if (const Value groups = from.Get("groups"); groups.IsTypedArray()) job.groups = integers(groups);
  job.to = quant_of(text(from, "to"));
  job.rows = whole(from, "rows");
  job.columns = whole(from, "columns");
  job.out = read_part(from.Get("out"));
  return job;
}

ReorderJob read_reorder(const Object& from) {
  ReorderJob job;
  job.from = read_part(from.Get("part"));
  job.type = quant_of(text(from, "quant"));
  job.first = whole(from, "first");
  job.stack_step = whole(from, "stackStep");
  job.row_step = whole(from, "rowStep");
  job.column_step = whole(from, "columnStep");
  job.stack = whole(from, "stack");
  job.rows = whole(from, "rows");
  job.columns = whole(from, "columns");
  job.out = read_part(from.Get("out"));
  return job;
}

RowsToEncode read_rows(const Object& from) {
  const SharedFile& file = handle<SharedFile>(from.Get("file"));
  open_file(file);
  RowsToEncode job{};
  job.file = file->file;
  job.offset = static_cast<uint64_t>(number(from, "offset"));
  job.from = quant_of(text(from, "from"));
  job.to = quant_of(text(from, "to"));
  job.columns = integer(from, "columns");
  job.first = static_cast<int64_t>(number(from, "first"));
  job.rows = static_cast<int64_t>(number(from, "rows"));
  job.order = from.Get("order").IsNull() ? nullptr : from.Get("order").As<Napi::Int32Array>().Data();
  job.importance = from.Get("importance").IsNull() ? nullptr : from.Get("importance").As<Napi::Float32Array>().Data();
  job.out = from.Get("out").As<Napi::Uint8Array>().Data();
  job.next = static_cast<uint64_t>(number(from, "next"));
  job.next_size = static_cast<uint64_t>(number(from, "nextSize"));
  return job;
}

DistancesFacts read_distances(const Value& value) {
  const auto from = value.As<Object>();
  DistancesFacts facts{};
  facts.table = optional(from, "table");
  if (!from.Has("slopes")) {
    facts.buckets = integers(from.Get(facts.table >= 0 ? "buckets" : "numbers"));
    facts.reach = static_cast<int>(facts.buckets.size() / 2);
  } else {
    const auto slopes = from.Get("slopes").As<Napi::Float32Array>();
    facts.slopes.assign(slopes.Data(), slopes.Data() + slopes.ElementLength());
    facts.reach = integer(from, "reach");
  }
  return facts;
}

Program read_program(const Object& from) {
  const auto outputs = [](const Value& v) { return text(v, "rows") == "outputs"; };
  Program program;
  program.ops = list<Op>(from.Get("ops"), read_op);
  program.buffers = list<BufferFacts>(from.Get("buffers"), [&](const Value& v) {
    return BufferFacts{integer(v, "width"), outputs(v), integer(v, "slot")};
  });
  program.slots =
      list<SlotFacts>(from.Get("slots"), [&](const Value& v) { return SlotFacts{integer(v, "width"), outputs(v)}; });
  program.weights = list<WeightFacts>(from.Get("weights"), [](const Value& v) {
    return WeightFacts{list<FilePart>(v.As<Object>().Get("parts"), read_part), quant_of(text(v, "quant")),
                       integer(v, "rows"), integer(v, "columns")};
  });
  program.ropes = list<RopeFacts>(from.Get("ropes"), [](const Value& v) {
    const auto f = v.As<Object>().Get("frequencies").As<Napi::Float32Array>();
    return RopeFacts{{f.Data(), f.Data() + f.ElementLength()},
                     static_cast<float>(number(v, "magnitude")),
                     text(v, "layout") == "half"};
  });
  program.distances = list<DistancesFacts>(from.Get("distances"), read_distances);
  program.layers = list<KvLayerFacts>(from.Get("layers"), [](const Value& v) {
    return KvLayerFacts{integer(v, "kvHeads"), integer(v, "headDim"), integer(v, "valueDim")};
  });
  program.states = list<int64_t>(from.Get("states"), [](const Value& v) { return whole(v, "values"); });
  program.output = integer(from, "output");
  return program;
}

CompileOptions read_compile_options(const Value& from) {
  const std::string kv = text(from, "kvType");
  const KvType kv_type = kv == "f32"    ? KvType::f32
                         : kv == "f16"  ? KvType::f16
                         : kv == "bf16" ? KvType::bf16
                                        : KvType::q8_0;
  return {integer(from, "pages"),
          integer(from, "pageTokens"),
          std::max(0, optional(from.As<Object>(), "states")),
          integer(from, "maxTokens"),
          integer(from, "maxOutputs"),
          kv_type,
          text(from, "precision") == "fast",
          from.As<Object>().Get("readAhead").ToBoolean()};
}

std::shared_ptr<Batch> read_batch(const Object& from) {
  auto batch = std::make_shared<Batch>();
  batch->tokens = integers(from.Get("tokens"));
  batch->segments = integers(from.Get("segments"));
  batch->outputs = integers(from.Get("outputs"));
  batch->span_pages = integers(from.Get("spanPages"));
  const std::vector<int32_t> counts = integers(from.Get("spanCount")), positions = integers(from.Get("spanPosition")),
                             starts = integers(from.Get("spanPageStart")), before = integers(from.Get("spanStateFrom")),
                             after = integers(from.Get("spanStateTo"));
  for (size_t i = 0; i < counts.size(); i++) {
    batch->spans.push_back({counts[i], positions[i], batch->span_pages.data() + starts[i], before[i], after[i]});
  }
  batch->samplers =
      list<Sampler*>(from.Get("samplers"), [](const Value& v) { return v.IsNull() ? nullptr : &handle<Sampler>(v); });
  batch->guesses = integers(from.Get("guesses"));
  batch->logits = list<float*>(from.Get("logits"),
                               [](const Value& v) { return v.IsNull() ? nullptr : v.As<Napi::Float32Array>().Data(); });
  batch->targets = integers(from.Get("targets"));
  batch->bases = list<const float*>(
      from.Get("bases"), [](const Value& v) { return v.IsNull() ? nullptr : v.As<Napi::Float32Array>().Data(); });
  return batch;
}

}  // namespace
}  // namespace deadlift

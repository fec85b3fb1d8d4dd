// Every function JavaScript can call: the native side of src/native.ts. TypeScript validates; this trusts.

#include <napi.h>

#include <cstring>
#include <functional>
#include <memory>
#include <set>

#include "kernels/cpu/kernels.h"
#include "native/cpu_features.h"
#include "native/engine.h"
#include "native/executable.h"
#include "native/file.h"
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

// ---- processor

Value cpu_info(const CallbackInfo& info) {
  const CpuInfo& cpu = deadlift::cpu_info();
  std::vector<std::string> isas;
  for (const Kernels* kernels : available_kernels()) isas.emplace_back(kernels->isa);
  const auto result = Object::New(info.Env());
  result.Set("vendor", cpu.vendor);
  result.Set("brand", cpu.brand);
  result.Set("isas", strings(info.Env(), isas));
  result.Set("features", strings(info.Env(), cpu.features));
  result.Set("cores", cpu.cores);
  return result;
}

// ---- files

/// A mapped file and the windows JavaScript has seen of it.
struct FileHandle {
  std::shared_ptr<const MappedFile> file;                   // null: closed
  std::vector<Napi::Reference<Napi::ArrayBuffer>> windows;  // weak
};

using SharedFile = std::shared_ptr<FileHandle>;

Value file_open(const CallbackInfo& info) {
  auto* opened = new SharedFile(new FileHandle{MappedFile::open(info[0].ToString()), {}});
  return Napi::External<SharedFile>::New(info.Env(), opened, [](Env, SharedFile* file) { delete file; });
}

const MappedFile& open_file(const SharedFile& handle) {
  if (!handle->file) throw std::runtime_error("the file is closed");
  return *handle->file;
}

Value file_size(const CallbackInfo& info) {
  return Napi::Number::New(info.Env(), static_cast<double>(open_file(handle<SharedFile>(info[0])).size()));
}

Value file_window(const CallbackInfo& info) {
  const SharedFile& from = handle<SharedFile>(info[0]);
  const int64_t offset = info[1].ToNumber().Int64Value(), length = info[2].ToNumber().Int64Value();
  const MappedFile& file = open_file(from);
  if (offset < 0 || length < 0 || static_cast<uint64_t>(offset) + static_cast<uint64_t>(length) > file.size()) {
    throw std::runtime_error("the window reaches past the end of the file");
  }
  if (length == 0) return Napi::ArrayBuffer::New(info.Env(), 0);
  // A file that nobody closes stays mapped until its windows are gone, too; closing detaches them.
  const auto window = Napi::ArrayBuffer::New(
      info.Env(), const_cast<uint8_t*>(file.data()) + offset, static_cast<size_t>(length),
      [](Env, void*, SharedFile* keep) { delete keep; }, new SharedFile(from));
  std::erase_if(from->windows, [](const auto& weak) { return weak.Value().IsEmpty(); });
  from->windows.push_back(Napi::Reference<Napi::ArrayBuffer>::New(window, 0));
  return window;
}

Value file_close(const CallbackInfo& info) {
  FileHandle& file = *handle<SharedFile>(info[0]);
  for (const auto& weak : file.windows) {
    auto window = weak.Value();
    if (!window.IsEmpty() && !window.IsDetached()) window.Detach();
  }
  file.windows.clear();
  file.file.reset();
  return info.Env().Undefined();
}

Value files_mapped(const CallbackInfo& info) { return Napi::Number::New(info.Env(), MappedFile::mapped()); }

// ---- samplers

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

Value sampler_create(const CallbackInfo& info) {
  const Value from = info[0];
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
  return Napi::External<Sampler>::New(info.Env(), new Sampler(std::move(options)),
                                      [](Env, Sampler* sampler) { delete sampler; });
}

Value sampler_sample(const CallbackInfo& info) {
  const auto logits = info[1].As<Napi::Float32Array>();
  std::vector<float> copy(logits.Data(), logits.Data() + logits.ElementLength());
  return sampled_value(info.Env(), handle<Sampler>(info[0]).sample(copy.data()));
}

// ---- engines

/// An engine and the way back from its thread to JavaScript's. Ends with its environment, whoever still holds it.
struct EngineHandle {
  EngineHandle(Env env, int threads, const Kernels& kernels)
      : engine(std::make_unique<Engine>(threads, kernels)),
        env(env),
        back(Napi::ThreadSafeFunction::New(env, Napi::Function::New(env, [](const CallbackInfo&) {}), "deadlift", 0,
                                           1)) {
    back.Unref(env);
    // Hooks run in reverse order: this one, which ends the engine thread, before that of `back`, which the thread uses.
    napi_add_env_cleanup_hook(env, leave, this);
  }
  ~EngineHandle() {
    if (left) return;
    napi_remove_env_cleanup_hook(env, leave, this);
    engine->stop();
    back.Release();
  }
  static void leave(void* self) {
    auto* handle = static_cast<EngineHandle*>(self);
    handle->left = true;
    handle->engine.reset();
  }

  std::unique_ptr<Engine> engine;
  Napi::Env env;
  Napi::ThreadSafeFunction back;
  int pending = 0;      // jobs; while there are some, the process stays alive
  bool closed = false;  // by engineClose
  bool left = false;    // the environment is gone, and `back` with it
};

/// Shared by the handles of an engine and of its executables: whichever lives longest.
using SharedEngine = std::shared_ptr<EngineHandle>;

struct ExecutableHandle {
  SharedEngine engine;
  std::unique_ptr<Executable> executable;  // null: closed
};

ExecutableHandle& open_executable(const Value& value) {
  auto& target = handle<ExecutableHandle>(value);
  if (!target.executable) throw std::runtime_error("the executable is closed");
  return target;
}

/// Work for the engine thread and the promise of its result. Made and ended on JavaScript's thread.
struct Job {
  SharedEngine engine;
  Napi::Promise::Deferred deferred;
  Napi::ObjectReference keep;  // what the work reads or writes
  std::function<void()> work;
  std::function<Value(Env)> result;
  std::string error;
};

void settle(Env env, Napi::Function, Job* job) {
  if (env == nullptr) return;  // the environment is gone, and with it the means to free what the job refers to
  std::unique_ptr<Job> ends(job);
  Napi::HandleScope scope(env);
  try {
    if (--job->engine->pending == 0) job->engine->back.Unref(env);
    if (job->error.empty()) {
      job->deferred.Resolve(job->result(env));
    } else {
      job->deferred.Reject(Napi::Error::New(env, job->error).Value());
    }
  } catch (const Napi::Error&) {
    // A worker thread is being terminated: nothing may be called any more, and nobody waits.
  }
}

Value submit(Env env, const SharedEngine& engine, const Value& keep, std::function<void()> work,
             std::function<Value(Env)> result) {
  if (engine->closed) throw std::runtime_error("the engine is closed");
  auto* job = new Job{engine,
                      Napi::Promise::Deferred::New(env),
                      Napi::Persistent(keep.As<Object>()),
                      std::move(work),
                      std::move(result),
                      {}};
  if (engine->pending++ == 0) engine->back.Ref(env);
  const Value promise = job->deferred.Promise();
  EngineHandle* const target = engine.get();
  target->engine->submit([job, target] {
    try {
      job->work();
    } catch (const std::bad_alloc&) {
      job->error = "not enough memory";
    } catch (const std::exception& error) {
      job->error = error.what();
    }
    // Fails only while the environment is being torn down; then nobody waits for the job any more.
    target->back.BlockingCall(job, settle);
  });
  return promise;
}

Value undefined(Env env) { return env.Undefined(); }

Value resolved(Env env) {
  const auto deferred = Napi::Promise::Deferred::New(env);
  deferred.Resolve(env.Undefined());
  return deferred.Promise();
}

Value engine_create(const CallbackInfo& info) {
  const std::string isa = text(info[0], "isa");
  const Kernels* kernels = find_kernels(isa);
  if (!kernels) throw Napi::Error::New(info.Env(), "no kernels for instruction set " + isa);
  auto* shared = new SharedEngine(std::make_shared<EngineHandle>(info.Env(), integer(info[0], "threads"), *kernels));
  return Napi::External<SharedEngine>::New(info.Env(), shared, [](Env, SharedEngine* engine) { delete engine; });
}

Value engine_bandwidth(const CallbackInfo& info) {
  const SharedEngine engine = handle<SharedEngine>(info[0]);
  const int64_t bytes = info[1].ToNumber().Int64Value();
  auto measured = std::make_shared<double>(0);
  return submit(
      info.Env(), engine, info[0], [=, target = engine.get()] { *measured = target->engine->bandwidth(bytes); },
      [=](Env env) { return Napi::Number::New(env, *measured); });
}

/// Ends the threads after the jobs that were asked for before.
Value engine_close(const CallbackInfo& info) {
  const SharedEngine engine = handle<SharedEngine>(info[0]);
  if (engine->closed) return resolved(info.Env());
  const Value promise = submit(
      info.Env(), engine, info[0], [] {},
      [target = engine.get()](Env env) {
        target->engine->stop();
        return env.Undefined();
      });
  engine->closed = true;
  return promise;
}

// ---- programs

OpKind op_kind(const std::string& kind) {
  static const std::pair<const char*, OpKind> kinds[] = {{"embed", OpKind::embed},
                                                         {"linear", OpKind::linear},
                                                         {"norm", OpKind::norm},
                                                         {"rope", OpKind::rope},
                                                         {"attend", OpKind::attend},
                                                         {"glu", OpKind::glu},
                                                         {"add", OpKind::add},
                                                         {"select", OpKind::select},
                                                         {"linear_add", OpKind::linear_add},
                                                         {"linear_glu", OpKind::linear_glu}};
  for (const auto& [name, value] : kinds)
    if (kind == name) return value;
  throw std::runtime_error("unknown op " + kind);
}

Op read_op(const Value& value) {
  const auto from = value.As<Object>();
  const auto first = [&](std::initializer_list<const char*> keys) {
    for (const char* key : keys)
      if (const int id = optional(from, key); id >= 0) return id;
    return -1;
  };
  Op op{op_kind(text(from, "kind"))};
  const bool gated = op.kind == OpKind::linear_glu;
  op.out = optional(from, "out");
  op.x = gated ? optional(from, "x") : first({"x", "q", "gate", "a"});
  op.y = gated ? -1 : first({"k", "up", "b", "residual"});
  op.z = optional(from, "v");
  op.weight = gated ? optional(from, "gate") : first({"weight", "table"});
  op.bias = first({"bias", "gateBias"});
  op.up = gated ? optional(from, "up") : -1;
  op.up_bias = optional(from, "upBias");
  op.rope = optional(from, "rope");
  op.layer = optional(from, "layer");
  op.heads = std::max(0, optional(from, "heads"));
  op.head_dim = std::max(0, optional(from, "headDim"));
  op.window = std::max(0, optional(from, "window"));
  if (from.Has("epsilon")) op.epsilon = static_cast<float>(number(from, "epsilon"));
  if (from.Has("scale")) op.scale = static_cast<float>(number(from, "scale"));
  return op;
}

Quant quant_of(const std::string& name) {
  for (int i = 0; i < quant_count; i++)
    if (name == quant_facts[i].name) return static_cast<Quant>(i);
  throw std::runtime_error("no kernels for weights of type " + name);
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
    const SharedFile& file = handle<SharedFile>(v.As<Object>().Get("file"));
    open_file(file);
    return WeightFacts{file->file,
                       static_cast<uint64_t>(number(v, "offset")),
                       static_cast<uint64_t>(number(v, "byteLength")),
                       quant_of(text(v, "quant")),
                       integer(v, "rows"),
                       integer(v, "columns")};
  });
  program.ropes = list<RopeFacts>(from.Get("ropes"), [](const Value& v) {
    const auto f = v.As<Object>().Get("frequencies").As<Napi::Float32Array>();
    return RopeFacts{{f.Data(), f.Data() + f.ElementLength()},
                     static_cast<float>(number(v, "magnitude")),
                     text(v, "layout") == "half"};
  });
  program.layers = list<KvLayerFacts>(
      from.Get("layers"), [](const Value& v) { return KvLayerFacts{integer(v, "kvHeads"), integer(v, "headDim")}; });
  program.output = integer(from, "output");
  return program;
}

Value engine_compile(const CallbackInfo& info) {
  const Value from = info[2];
  const std::string kv = text(from, "kvType");
  const CompileOptions options{integer(from, "pages"), integer(from, "pageTokens"), integer(from, "maxTokens"),
                               integer(from, "maxOutputs"),
                               kv == "f32"   ? KvType::f32
                               : kv == "f16" ? KvType::f16
                                             : KvType::bf16};
  const SharedEngine engine = handle<SharedEngine>(info[0]);
  auto executable = std::make_unique<Executable>(*engine->engine, read_program(info[1].As<Object>()), options);
  return Napi::External<ExecutableHandle>::New(info.Env(), new ExecutableHandle{engine, std::move(executable)},
                                               [](Env, ExecutableHandle* one) { delete one; });
}

// ---- steps

std::shared_ptr<Batch> read_batch(const Object& from) {
  auto batch = std::make_shared<Batch>();
  batch->tokens = integers(from.Get("tokens"));
  batch->outputs = integers(from.Get("outputs"));
  batch->span_pages = integers(from.Get("spanPages"));
  const std::vector<int32_t> counts = integers(from.Get("spanCount")), positions = integers(from.Get("spanPosition")),
                             starts = integers(from.Get("spanPageStart"));
  for (size_t i = 0; i < counts.size(); i++) {
    batch->spans.push_back({counts[i], positions[i], batch->span_pages.data() + starts[i]});
  }
  batch->samplers =
      list<Sampler*>(from.Get("samplers"), [](const Value& v) { return v.IsNull() ? nullptr : &handle<Sampler>(v); });
  batch->logits = list<float*>(from.Get("logits"),
                               [](const Value& v) { return v.IsNull() ? nullptr : v.As<Napi::Float32Array>().Data(); });
  return batch;
}

Value engine_run(const CallbackInfo& info) {
  ExecutableHandle& target = open_executable(info[0]);
  const auto batch = read_batch(info[1].As<Object>());
  auto sampled = std::make_shared<std::vector<Sampled>>();
  const auto keep = Napi::Array::New(info.Env(), 2);
  keep.Set(0u, info[0]);
  keep.Set(1u, info[1]);
  return submit(
      info.Env(), target.engine, keep,
      [=, executable = target.executable.get()] { *sampled = executable->run(*batch); },
      [=](Env env) {
        const auto result = Napi::Array::New(env, sampled->size());
        for (uint32_t i = 0; i < sampled->size(); i++) {
          result.Set(i, batch->samplers[i] ? sampled_value(env, (*sampled)[i]) : env.Null());
        }
        return result;
      });
}

Value engine_copy_page(const CallbackInfo& info) {
  ExecutableHandle& target = open_executable(info[0]);
  const int from = info[1].ToNumber(), to = info[2].ToNumber();
  return submit(
      info.Env(), target.engine, info[0],
      [=, executable = target.executable.get()] { executable->copy_page(from, to); }, undefined);
}

Value executable_close(const CallbackInfo& info) {
  ExecutableHandle& target = handle<ExecutableHandle>(info[0]);
  if (!target.executable) return resolved(info.Env());
  if (target.engine->closed) {
    target.executable.reset();
    return resolved(info.Env());
  }
  auto* executable = target.executable.release();
  return submit(info.Env(), target.engine, info[0], [=] { delete executable; }, undefined);
}

// ---- the table of contents

/// No C++ exception passes the border.
template <Value (*function)(const CallbackInfo&)>
Value guarded(const CallbackInfo& info) {
  const auto error = [&](const char* message, const char* code) {
    auto thrown = Napi::Error::New(info.Env(), message);
    if (code) thrown.Set("code", code);
    return thrown;
  };
  try {
    return function(info);
  } catch (const Napi::Error&) {
    throw;
  } catch (const FileError& file) {
    throw error(file.what(), file.code);
  } catch (const std::bad_alloc&) {
    throw error("not enough memory", nullptr);
  } catch (const std::exception& other) {
    throw error(other.what(), nullptr);
  }
}

Object exports_of(Env env, Object exports) {
  const auto add = [&]<Value (*function)(const CallbackInfo&)>(const char* name) {
    exports.Set(name, Napi::Function::New<guarded<function>>(env, name));
  };
  add.template operator()<cpu_info>("cpuInfo");
  add.template operator()<file_open>("fileOpen");
  add.template operator()<file_size>("fileSize");
  add.template operator()<file_window>("fileWindow");
  add.template operator()<file_close>("fileClose");
  add.template operator()<files_mapped>("filesMapped");
  add.template operator()<engine_create>("engineCreate");
  add.template operator()<engine_compile>("engineCompile");
  add.template operator()<engine_run>("engineRun");
  add.template operator()<engine_copy_page>("engineCopyPage");
  add.template operator()<executable_close>("executableClose");
  add.template operator()<engine_close>("engineClose");
  add.template operator()<engine_bandwidth>("engineBandwidth");
  add.template operator()<sampler_create>("samplerCreate");
  add.template operator()<sampler_sample>("samplerSample");
  return exports;
}

}  // namespace
}  // namespace deadlift

static Napi::Object initialise(Napi::Env env, Napi::Object exports) { return deadlift::exports_of(env, exports); }
NODE_API_MODULE(deadlift, initialise)

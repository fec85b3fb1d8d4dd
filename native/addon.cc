// Every function JavaScript can call: the native side of src/native.ts. TypeScript validates; this trusts.

#include <napi.h>

#include <functional>
#include <memory>

#include "kernels/cpu/kernels.h"
#include "native/addon_values.h"
#include "native/cores.h"
#include "native/cpu_features.h"
#include "native/engine.h"
#include "native/lock.h"
#include "native/score.h"
#include "native/shared.h"

namespace deadlift {
namespace {

// ---- processor

Value cpu_info(const CallbackInfo& info) {
  const CpuInfo& cpu = deadlift::cpu_info();
  std::vector<std::string> isas;
  for (const Kernels* kernels : available_kernels()) isas.emplace_back(kernels->isa);
  std::vector<std::string> encoders;
  for (int i = 0; i < quant_count; i++)
    if (available_kernels().front()->encode[i]) encoders.emplace_back(quant_facts[i].name);
  const auto result = Object::New(info.Env());
  result.Set("vendor", cpu.vendor);
  result.Set("brand", cpu.brand);
  result.Set("isas", strings(info.Env(), isas));
  result.Set("encoders", strings(info.Env(), encoders));
  result.Set("features", strings(info.Env(), cpu.features));
  result.Set("cores", cpu.cores);
  return result;
}

Value count_cores(const CallbackInfo& info) {
  return Napi::Number::New(info.Env(), deadlift::count_cores(integers(info[0]), info[1].ToString()));
}

// ---- files

Value file_open(const CallbackInfo& info) {
  auto* opened = new SharedFile(new FileHandle{MappedFile::open(info[0].ToString()), {}});
  return Napi::External<SharedFile>::New(info.Env(), opened, [](Env, SharedFile* file) { delete file; });
}

Value file_memory(const CallbackInfo& info) {
  const auto bytes = static_cast<uint64_t>(info[0].ToNumber().DoubleValue());
  auto* opened = new SharedFile(new FileHandle{MappedFile::memory(bytes), {}});
  return Napi::External<SharedFile>::New(info.Env(), opened, [](Env, SharedFile* file) { delete file; });
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

Tickets<const MappedFile>& file_tickets() {
  static Tickets<const MappedFile> all;
  return all;
}

Value file_share(const CallbackInfo& info) {
  const SharedFile& file = handle<SharedFile>(info[0]);
  open_file(file);
  return Napi::Number::New(info.Env(), static_cast<double>(file_tickets().give(file->file)));
}

Value file_adopt(const CallbackInfo& info) {
  auto file = file_tickets().take(static_cast<uint64_t>(info[0].ToNumber().Int64Value()));
  auto* opened = new SharedFile(new FileHandle{std::move(file), {}});
  return Napi::External<SharedFile>::New(info.Env(), opened, [](Env, SharedFile* one) { delete one; });
}

// `count` items of `size` bytes, `from_step` bytes apart in the file and `to_step` apart where they go.
Value file_gather(const CallbackInfo& info) {
  const MappedFile& file = open_file(handle<SharedFile>(info[0]));
  const auto at = [&](int i) { return static_cast<uint64_t>(info[i].ToNumber().Int64Value()); };
  const uint64_t offset = at(1), count = at(2), size = at(3), from_step = at(4), to_step = at(6);
  auto out = info[5].As<Napi::Uint8Array>();
  if (count == 0) return info.Env().Undefined();
  if (offset + (count - 1) * from_step + size > file.size() || (count - 1) * to_step + size > out.ByteLength()) {
    throw std::runtime_error("the items reach past the end of the file or of where they go");
  }
  gather(file.data() + offset, count, size, from_step, out.Data(), to_step);
  return info.Env().Undefined();
}

Value files_mapped(const CallbackInfo& info) { return Napi::Number::New(info.Env(), MappedFile::mapped()); }

// ---- locks

using LockHandle = std::unique_ptr<FileLock>;

Value file_lock_try(const CallbackInfo& info) {
  LockHandle lock;
  switch (FileLock::attempt(info[0].ToString(), info[1].ToNumber().Uint32Value(), &lock)) {
    case LockOutcome::busy:
      return Napi::String::New(info.Env(), "busy");
    case LockOutcome::unsupported:
      return Napi::String::New(info.Env(), "unsupported");
    case LockOutcome::held:
      break;
  }
  return Napi::External<LockHandle>::New(info.Env(), new LockHandle(std::move(lock)),
                                         [](Env, LockHandle* held) { delete held; });
}

Value file_unlock(const CallbackInfo& info) {
  handle<LockHandle>(info[0]).reset();
  return info.Env().Undefined();
}

// ---- samplers

Value sampler_value(Env env, std::shared_ptr<Sampler> sampler) {
  auto* kept = new std::shared_ptr<Sampler>(std::move(sampler));
  return Napi::External<Sampler>::New(
      env, kept->get(), [](Env, Sampler*, std::shared_ptr<Sampler>* one) { delete one; }, kept);
}

Value sampler_create(const CallbackInfo& info) {
  return sampler_value(info.Env(), std::make_shared<Sampler>(read_sampler_options(info[0])));
}

Tickets<Sampler>& sampler_tickets() {
  static Tickets<Sampler> all;
  return all;
}

Value sampler_share(const CallbackInfo& info) {
  const auto ticket = sampler_tickets().give(handle<Sampler>(info[0]).shared_from_this());
  return Napi::Number::New(info.Env(), static_cast<double>(ticket));
}

Value sampler_adopt(const CallbackInfo& info) {
  return sampler_value(info.Env(), sampler_tickets().take(static_cast<uint64_t>(info[0].ToNumber().Int64Value())));
}

Value sampler_sample(const CallbackInfo& info) {
  const auto logits = info[1].As<Napi::Float32Array>();
  std::vector<float> copy(logits.Data(), logits.Data() + logits.ElementLength());
  return sampled_value(info.Env(), handle<Sampler>(info[0]).sample(copy.data()));
}

Value sampler_needs(const CallbackInfo& info) {
  return Napi::Number::New(info.Env(), handle<Sampler>(info[0]).needs(info[1].ToNumber().Int32Value()));
}

Value sampler_sample_top(const CallbackInfo& info) {
  const auto ids = info[1].As<Napi::Int32Array>();
  auto logits = info[2].As<Napi::Float32Array>();
  const auto count = static_cast<int32_t>(ids.ElementLength());
  return sampled_value(info.Env(), handle<Sampler>(info[0]).sample_top(logits.Data(), ids.Data(), count));
}

Value score_row(const CallbackInfo& info) {
  const auto logits = info[0].As<Napi::Float32Array>();
  const float* base = info[2].IsNull() ? nullptr : info[2].As<Napi::Float32Array>().Data();
  const int vocab = static_cast<int>(logits.ElementLength());
  return score_value(info.Env(), score(logits.Data(), vocab, info[1].ToNumber().Int32Value(), base));
}

// ---- engines

// An engine and the way back from its thread to JavaScript's. Ends with its environment, whoever still holds it.
struct EngineHandle {
  EngineHandle(Env env, int threads, const Kernels& kernels, Priority priority)
      : engine(std::make_unique<Engine>(threads, kernels, priority)),
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
    handle->engine->stop();  // first: the running job finds it by this pointer
    handle->engine.reset();
  }

  std::unique_ptr<Engine> engine;
  Napi::Env env;
  Napi::ThreadSafeFunction back;
  int pending = 0;      // jobs; while there are some, the process stays alive
  bool closed = false;  // by engineClose
  bool left = false;    // the environment is gone, and `back` with it
};

// Shared by the handles of an engine and of its executables: whichever lives longest.
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

// Work for the engine thread and the promise of its result. Made and ended on JavaScript's thread.
struct Job {
  SharedEngine engine;
  Napi::Promise::Deferred deferred;
  Napi::ObjectReference keep;  // what the work reads or writes
  std::function<void()> work;
  std::function<Value(Env)> result;
  std::string error;              // empty: none
  const char* code = "Internal";  // of the error, as in src/error.ts
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
      auto error = Napi::Error::New(env, job->error);
      error.Set("code", job->code);
      job->deferred.Reject(error.Value());
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
                      {},
                      "Internal"};
  if (engine->pending++ == 0) engine->back.Ref(env);
  const Value promise = job->deferred.Promise();
  EngineHandle* const target = engine.get();
  target->engine->submit([job, target] {
    try {
      target->engine->check_priority();
      job->work();
    } catch (const std::bad_alloc&) {
      job->error = "not enough memory";
      job->code = "OutOfMemory";
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
  const Priority priority = text(info[0], "priority") == "low" ? Priority::low : Priority::normal;
  auto* shared =
      new SharedEngine(std::make_shared<EngineHandle>(info.Env(), integer(info[0], "threads"), *kernels, priority));
  return Napi::External<SharedEngine>::New(info.Env(), shared, [](Env, SharedEngine* engine) { delete engine; });
}

template <class Measure>
Value engine_measure(const CallbackInfo& info, Measure measure) {
  const SharedEngine engine = handle<SharedEngine>(info[0]);
  auto measured = std::make_shared<double>(0);
  return submit(
      info.Env(), engine, info[0], [=, target = engine.get()] { *measured = measure(*target->engine); },
      [=](Env env) { return Napi::Number::New(env, *measured); });
}

Value engine_bandwidth(const CallbackInfo& info) {
  const int64_t bytes = info[1].ToNumber().Int64Value();
  return engine_measure(info, [=](Engine& engine) { return engine.bandwidth(bytes); });
}

Value engine_peak(const CallbackInfo& info) {
  return engine_measure(info, [](Engine& engine) { return engine.peak(); });
}

// Ends the threads after the jobs that were asked for before.
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

// ---- weights that are made at load

template <auto read, auto make>
Value engine_make(const CallbackInfo& info) {
  const SharedEngine engine = handle<SharedEngine>(info[0]);
  const auto job = std::make_shared<decltype(read(Object()))>(read(info[1].As<Object>()));
  return submit(info.Env(), engine, info[1], [=, target = engine.get()] { make(*target->engine, *job); }, undefined);
}

// ---- rows in other types

Value engine_encode(const CallbackInfo& info) {
  const SharedEngine engine = handle<SharedEngine>(info[0]);
  const auto job = std::make_shared<RowsToEncode>(read_rows(info[1].As<Object>()));
  auto finite = std::make_shared<bool>(true);
  return submit(
      info.Env(), engine, info[1], [=, target = engine.get()] { *finite = encode_rows(*target->engine, *job); },
      [=](Env env) { return Napi::Boolean::New(env, *finite); });
}

// ---- programs

/// On the engine's thread: decoding norm weights reads the files, which may have to come from a disk first.
Value engine_compile(const CallbackInfo& info) {
  const SharedEngine engine = handle<SharedEngine>(info[0]);
  const auto program = std::make_shared<Program>(read_program(info[1].As<Object>()));
  const CompileOptions options = read_compile_options(info[2]);
  const auto made = std::make_shared<std::unique_ptr<Executable>>();
  return submit(
      info.Env(), engine, info[1],
      [=, target = engine.get()] {
        *made = std::make_unique<Executable>(*target->engine, std::move(*program), options);
      },
      [=](Env env) {
        return Napi::External<ExecutableHandle>::New(env, new ExecutableHandle{engine, std::move(*made)},
                                                     [](Env, ExecutableHandle* one) { delete one; });
      });
}

// ---- steps

Value engine_run(const CallbackInfo& info) {
  ExecutableHandle& target = open_executable(info[0]);
  const auto batch = read_batch(info[1].As<Object>());
  auto results = std::make_shared<Results>();
  const auto keep = Napi::Array::New(info.Env(), 2);
  keep.Set(0u, info[0]);
  keep.Set(1u, info[1]);
  return submit(
      info.Env(), target.engine, keep,
      [=, executable = target.executable.get()] { *results = executable->run(*batch); },
      [=](Env env) {
        const auto sampled = Napi::Array::New(env, results->sampled.size());
        const auto scores = Napi::Array::New(env, results->scores.size());
        for (uint32_t i = 0; i < results->sampled.size(); i++) {
          sampled.Set(i, results->sampled[i].id >= 0 ? sampled_value(env, results->sampled[i]) : env.Null());
          scores.Set(i, batch->targets[i] >= 0 ? score_value(env, results->scores[i]) : env.Null());
        }
        const auto result = Object::New(env);
        result.Set("sampled", sampled);
        result.Set("scores", scores);
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

// No C++ exception passes the border.
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
    throw error("not enough memory", "OutOfMemory");
  } catch (const std::exception& other) {
    throw error(other.what(), nullptr);
  }
}

Object exports_of(Env env, Object exports) {
  const auto add = [&]<Value (*function)(const CallbackInfo&)>(const char* name) {
    exports.Set(name, Napi::Function::New<guarded<function>>(env, name));
  };
  add.template operator()<cpu_info>("cpuInfo");
  add.template operator()<count_cores>("countCores");
  add.template operator()<file_open>("fileOpen");
  add.template operator()<file_memory>("fileMemory");
  add.template operator()<file_size>("fileSize");
  add.template operator()<file_window>("fileWindow");
  add.template operator()<file_close>("fileClose");
  add.template operator()<file_share>("fileShare");
  add.template operator()<file_adopt>("fileAdopt");
  add.template operator()<file_gather>("fileGather");
  add.template operator()<files_mapped>("filesMapped");
  add.template operator()<file_lock_try>("fileLockTry");
  add.template operator()<file_unlock>("fileUnlock");
  add.template operator()<engine_create>("engineCreate");
  add.template operator()<engine_make<read_repack, repack>>("engineRepack");
  add.template operator()<engine_make<read_reorder, reorder>>("engineReorder");
  add.template operator()<engine_encode>("engineEncode");
  add.template operator()<engine_compile>("engineCompile");
  add.template operator()<engine_run>("engineRun");
  add.template operator()<engine_copy_page>("engineCopyPage");
  add.template operator()<executable_close>("executableClose");
  add.template operator()<engine_close>("engineClose");
  add.template operator()<engine_bandwidth>("engineBandwidth");
  add.template operator()<engine_peak>("enginePeak");
  add.template operator()<sampler_create>("samplerCreate");
  add.template operator()<sampler_share>("samplerShare");
  add.template operator()<sampler_adopt>("samplerAdopt");
  add.template operator()<sampler_sample>("samplerSample");
  add.template operator()<sampler_needs>("samplerNeeds");
  add.template operator()<sampler_sample_top>("samplerSampleTop");
  add.template operator()<score_row>("scoreRow");
  return exports;
}

}  // namespace
}  // namespace deadlift

static Napi::Object initialise(Napi::Env env, Napi::Object exports) { return deadlift::exports_of(env, exports); }
NODE_API_MODULE(deadlift, initialise)

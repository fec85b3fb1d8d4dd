// The engine thread: takes jobs in order, and shares each among the workers of a pool.

#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>

#include "kernels/cpu/kernels.h"
#include "native/pool.h"

namespace deadlift {

class Engine {
 public:
  Engine(int threads, const Kernels& kernels, Priority priority);
  // Drops waiting jobs and waits for the running one.
  ~Engine();

  const Kernels& kernels() const { return kernels_; }
  Pool& pool() { return pool_; }

  // Runs the job on the engine thread, after those before it. Jobs must not throw.
  void submit(std::function<void()> job);
  // Throws std::runtime_error where the system refused the priority. Call it in a job.
  void check_priority() const;
  // Ends the running job early, drops the waiting ones, and ends the thread.
  void stop();

  // Streaming read speed of all workers over `bytes` of memory, in 10^9 bytes per second: the best of a few passes.
  // Call it in a job.
  double bandwidth(int64_t bytes);
  // Multiply-adds of all workers between registers, in 10^12 operations per second: the best of a few passes. Call it
  // in a job.
  double peak();

 private:
  // The least seconds of a few passes over all chunks.
  template <class F>
  double fastest(int chunks, const F& f);
  void loop(Priority priority);

  const Kernels& kernels_;
  Pool pool_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::function<void()>> jobs_;
  bool stopping_ = false;
  bool refused_ = false;
  std::thread thread_;
};

}  // namespace deadlift

// The threads that compute: one job at a time, cut into chunks that are handed out as workers come for them.

#pragma once

#include <atomic>
#include <cstdint>
#include <thread>
#include <vector>

#include "native/thread_priority.h"

namespace deadlift {

// `threads` workers in all; the thread that calls each() is worker 0. Waiting workers spin for some microseconds and
// then sleep: an idle engine costs nothing, and a busy neighbour gets its time. Nobody waits for a worker that has not
// taken a chunk, so a thread that the system does not run delays nothing.
class Pool {
 public:
  // chunk in [0, chunks), worker in [0, threads).
  using Work = void (*)(const void* work, int chunk, int worker);

  // Throws std::system_error when a thread cannot be made.
  Pool(int threads, Priority priority);
  ~Pool();
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;

  int threads() const { return threads_; }

  // Runs all chunks, returns when the last has ended. `f(chunk, worker)` must not throw. One caller at a time.
  template <class F>
  void each(int chunks, const F& f) {
    run_job(chunks, [](const void* work, int chunk, int worker) { (*static_cast<const F*>(work))(chunk, worker); }, &f);
  }

  // Makes chunks that have not begun end at once, from any thread and for good.
  void cancel() { cancelled_ = true; }
  bool cancelled() const { return cancelled_; }

 private:
  void run_job(int chunks, Work work, const void* argument);
  void take_chunks(int worker);
  void work(int worker, Priority priority);
  void step_aside(int worker);
  void stop();

  const int threads_;
  std::vector<std::thread> workers_;
  std::vector<std::atomic<int>> processors_;  // (threads) where each worker was last seen

  // Number of the job, its chunks, the next chunk to hand out: one word, so that a worker who takes a chunk knows
  // that the job is still the one it saw, and may read work_ and argument_ until it has counted the chunk as done.
  alignas(64) std::atomic<uint64_t> ticket_{0};
  Work work_ = nullptr;
  const void* argument_ = nullptr;
  alignas(64) std::atomic<uint32_t> done_{0};  // chunks of the job that have ended
  alignas(64) std::atomic<uint32_t> job_{0};   // workers sleep on it
  std::atomic<int> sleeping_{0};
  std::atomic<bool> stopping_{false};
  std::atomic<bool> cancelled_{false};
};

}  // namespace deadlift

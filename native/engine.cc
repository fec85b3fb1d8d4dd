// The engine thread and its queue.

#include "native/engine.h"

#include <algorithm>
#include <chrono>
#include <limits>
#include <stdexcept>

#include "native/memory.h"

namespace deadlift {

Engine::Engine(int threads, const Kernels& kernels, Priority priority)
    : kernels_(kernels), pool_(threads, priority), thread_([this, priority] { loop(priority); }) {}

Engine::~Engine() { stop(); }

void Engine::submit(std::function<void()> job) {
  {
    std::lock_guard lock(mutex_);
    jobs_.push_back(std::move(job));
  }
  wake_.notify_one();
}

void Engine::stop() {
  pool_.cancel();
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_one();
  if (thread_.joinable()) thread_.join();
}

void Engine::loop(Priority priority) {
  refused_ = priority == Priority::low && !give_way();
  for (;;) {
    std::function<void()> job;
    {
      std::unique_lock lock(mutex_);
      wake_.wait(lock, [this] { return stopping_ || !jobs_.empty(); });
      if (stopping_) return;
      job = std::move(jobs_.front());
      jobs_.pop_front();
    }
    job();
  }
}

template <class F>
double Engine::fastest(int chunks, const F& f) {
  double least = std::numeric_limits<double>::infinity();
  for (int pass = 0; pass < 4; pass++) {
    const auto start = std::chrono::steady_clock::now();
    pool_.each(chunks, f);
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
    least = std::min(least, took.count());
  }
  return least;
}

void Engine::check_priority() const {
  if (refused_) throw std::runtime_error("the system does not let the priority of its threads be lowered");
}

double Engine::bandwidth(int64_t bytes) {
  constexpr int64_t chunk = 4 << 20;
  static_assert(chunk % touch_bytes == 0);
  const int chunks = static_cast<int>(std::max<int64_t>(bytes / chunk, 1));
  LazyMemory memory(static_cast<size_t>(chunks) * chunk);
  uint8_t* const data = memory.as<uint8_t>();
  // Written once first: untouched pages would all be read from the same page of zeros.
  pool_.each(chunks, [&](int i, int) { std::fill_n(data + i * chunk, chunk, static_cast<uint8_t>(i)); });
  std::atomic<uint64_t> sink{0};
  const double seconds = fastest(chunks, [&](int i, int) { sink += kernels_.touch(data + i * chunk, chunk); });
  return static_cast<double>(chunks) * chunk / seconds / 1e9;
}

double Engine::peak() {
  constexpr int64_t rounds = 1 << 16;  // 0.1 ms and more
  const int chunks = 200 * pool_.threads();
  std::atomic<float> sink{0};
  const double seconds = fastest(chunks, [&](int, int) { sink = kernels_.peak(0.5f, rounds); });
  return static_cast<double>(chunks) * rounds * kernels_.peak_flops / seconds / 1e12;
}

}  // namespace deadlift

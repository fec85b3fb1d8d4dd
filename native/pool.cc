// Tickets, spinning and sleeping.

#include "native/pool.h"

#include <cassert>
#include <chrono>

#ifdef __linux__
#include <sched.h>
#endif

namespace deadlift {
namespace {

// ticket: job in bits 40 to 63, chunks in bits 20 to 39, next chunk in bits 0 to 19.
constexpr int kChunkBits = 20;
constexpr uint64_t kChunkMask = (uint64_t{1} << kChunkBits) - 1;

// Longer than the gap between two ops of a step, much shorter than a time slice.
constexpr std::chrono::microseconds kSpin{40};

inline void pause() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("yield");
#endif
}

// Whether `ready` came true within kSpin.
template <class Ready>
bool spin_until(Ready ready) {
  const auto end = std::chrono::steady_clock::now() + kSpin;
  do {
    for (int i = 0; i < 32; ++i) {
      if (ready()) return true;
      pause();
    }
  } while (std::chrono::steady_clock::now() < end);
  return ready();
}

}  // namespace

Pool::Pool(int threads, Priority priority) : threads_(threads), processors_(static_cast<size_t>(threads)) {
  for (auto& processor : processors_) processor = -1;
  try {
    for (int worker = 1; worker < threads; ++worker) {
      workers_.emplace_back([this, worker, priority] { work(worker, priority); });
    }
  } catch (...) {
    stop();
    throw;
  }
}

Pool::~Pool() { stop(); }

void Pool::stop() {
  stopping_ = true;
  ++job_;
  job_.notify_all();
  for (std::thread& worker : workers_) worker.join();
  workers_.clear();
}

void Pool::run_job(int chunks, Work work, const void* argument) {
  assert(chunks >= 0 && static_cast<uint64_t>(chunks) <= kChunkMask);
  if (chunks <= 1 || threads_ == 1) {
    for (int chunk = 0; chunk < chunks && !cancelled_; ++chunk) work(argument, chunk, 0);
    return;
  }
#ifdef __linux__
  processors_[0].store(sched_getcpu(), std::memory_order_relaxed);
#endif
  work_ = work;
  argument_ = argument;
  done_.store(0, std::memory_order_relaxed);
  const uint64_t job = (job_.load(std::memory_order_relaxed) + 1) & 0xffffff;
  ticket_.store(job << 2 * kChunkBits | static_cast<uint64_t>(chunks) << kChunkBits, std::memory_order_release);
  ++job_;
  if (sleeping_ > 0) job_.notify_all();

  take_chunks(0);
  const auto all = static_cast<uint32_t>(chunks);
  if (spin_until([&] { return done_.load(std::memory_order_acquire) == all; })) return;
  for (uint32_t done = done_.load(std::memory_order_acquire); done != all;
       done = done_.load(std::memory_order_acquire)) {
    done_.wait(done);
  }
}

void Pool::take_chunks(int worker) {
  uint64_t ticket = ticket_.load(std::memory_order_acquire);
  for (;;) {
    const uint64_t chunk = ticket & kChunkMask, chunks = ticket >> kChunkBits & kChunkMask;
    if (chunk >= chunks) return;
    if (!ticket_.compare_exchange_weak(ticket, ticket + 1, std::memory_order_acq_rel)) continue;
    if (!cancelled_.load(std::memory_order_relaxed)) work_(argument_, static_cast<int>(chunk), worker);
    // Once the last chunk is counted the caller may go on, and the fields above change.
    if (done_.fetch_add(1, std::memory_order_acq_rel) + 1 == chunks) done_.notify_one();
    ticket = ticket_.load(std::memory_order_acquire);
  }
}

// Workers that sleep often look light to the scheduler, which may leave two of them on one processor while another is
// idle: then they only take turns. Whoever finds an earlier worker on its processor moves to one without; its affinity
// is as before afterwards, so the scheduler may still move it when others need the place.
void Pool::step_aside([[maybe_unused]] int worker) {
#ifdef __linux__
  const int here = sched_getcpu();
  processors_[worker].store(here, std::memory_order_relaxed);
  bool alone = true;
  for (int other = 0; other < worker; ++other) alone = alone && processors_[other] != here;
  cpu_set_t allowed, free;
  if (alone || sched_getaffinity(0, sizeof allowed, &allowed) != 0) return;
  free = allowed;
  for (const auto& processor : processors_) {
    if (processor >= 0 && processor < CPU_SETSIZE) CPU_CLR(processor, &free);
  }
  if (CPU_COUNT(&free) == 0) return;
  sched_setaffinity(0, sizeof free, &free);
  sched_setaffinity(0, sizeof allowed, &allowed);
  processors_[worker].store(sched_getcpu(), std::memory_order_relaxed);
#endif
}

void Pool::work(int worker, Priority priority) {
  if (priority == Priority::low) give_way();
  uint32_t seen = 0;
  for (;;) {
    if (!spin_until([&] { return job_.load(std::memory_order_acquire) != seen; })) {
      ++sleeping_;
      job_.wait(seen);
      --sleeping_;
    }
    seen = job_;
    if (stopping_) return;
    step_aside(worker);
    take_chunks(worker);
  }
}

}  // namespace deadlift

// Reads a byte of every page. Linux has a call for that, but it holds the lock of the whole address space for so long
// that others wait for a thread that gives way to them.

#include "native/read_ahead.h"

#include <algorithm>
#include <system_error>
#include <tuple>
#include <utility>

#include "native/thread_priority.h"

namespace deadlift {
namespace {

// Of the smallest pages there are.
constexpr uint64_t page_bytes = 4096;

}  // namespace

ReadAhead::ReadAhead(std::vector<Part> parts) : parts_(std::move(parts)) {
  const auto place = [](const Part& part) { return std::tuple(part.file.get(), part.offset); };
  std::sort(parts_.begin(), parts_.end(), [&](const Part& a, const Part& b) { return place(a) < place(b); });
  try {
    thread_ = std::thread([this] { read(); });
  } catch (const std::system_error&) {
  }
}

ReadAhead::~ReadAhead() {
  stopping_ = true;
  if (thread_.joinable()) thread_.join();
}

void ReadAhead::read() const {
  give_way();
  for (const Part& part : parts_) {
    const volatile uint8_t* const bytes = part.file->data() + part.offset;
    for (uint64_t i = 0; i < part.bytes; i += page_bytes) {
      if (stopping_.load(std::memory_order_relaxed)) return;
      (void)bytes[i];
    }
  }
}

}  // namespace deadlift

// Large memory that costs nothing until it is touched.

#pragma once

#include <cstddef>

namespace deadlift {

// Lets AddressSanitizer, where the build has it, find accesses to what is left of the last page of such memory.
void guard_rest(const void* data, size_t bytes);
void unguard_rest(const void* data, size_t bytes);

// Large pages, 2 MiB where the system gives them, are faster to read through (KV pages of 8,000 tokens: 1.3 times); but
// what is touched at all takes one, so they are for memory that fills without gaps.
enum class Pages { small, large };

// Zeroed, reserved at once and taken page by page at the first write. Throws std::bad_alloc.
class LazyMemory {
 public:
  LazyMemory() = default;
  explicit LazyMemory(size_t bytes, Pages pages = Pages::small);
  LazyMemory(LazyMemory&& other) noexcept;
  LazyMemory& operator=(LazyMemory&& other) noexcept;
  ~LazyMemory();

  // Aligned to the system's pages.
  template <class T>
  T* as() const {
    return static_cast<T*>(data_);
  }
  size_t size() const { return bytes_; }

 private:
  void* data_ = nullptr;
  size_t bytes_ = 0;
};

}  // namespace deadlift

// Large memory that costs nothing until it is touched.

#pragma once

#include <cstddef>

namespace deadlift {

// Zeroed, reserved at once and taken page by page at the first write. Throws std::bad_alloc.
class LazyMemory {
 public:
  LazyMemory() = default;
  explicit LazyMemory(size_t bytes);
  LazyMemory(LazyMemory&& other) noexcept;
  LazyMemory& operator=(LazyMemory&& other) noexcept;
  ~LazyMemory();

  // Aligned to the system's pages.
  template <class T>
  T* as() const {
    return static_cast<T*>(data_);
  }
  size_t size() const { return bytes_; }
  // For memory that is read from end to end: fewer addresses to look up, where the system has such pages left.
  void prefer_large_pages();

 private:
  void* data_ = nullptr;
  size_t bytes_ = 0;
};

}  // namespace deadlift

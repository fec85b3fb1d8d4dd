// Reserves memory with the system's own call.

#include "native/memory.h"

#include <new>
#include <utility>

#ifdef _WIN32
#define NOMINMAX
#include <windows.h>
#else
#include <sys/mman.h>
#endif

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#include <unistd.h>
#endif

#ifndef MAP_NORESERVE
#define MAP_NORESERVE 0
#endif

namespace deadlift {
namespace {

#ifdef __SANITIZE_ADDRESS__
size_t rest_of_page(size_t bytes) {
  const auto page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
  return (page - bytes % page) % page;
}
#endif

}  // namespace

void guard_rest([[maybe_unused]] const void* data, [[maybe_unused]] size_t bytes) {
#ifdef __SANITIZE_ADDRESS__
  __asan_poison_memory_region(static_cast<const char*>(data) + bytes, rest_of_page(bytes));
#endif
}

void unguard_rest([[maybe_unused]] const void* data, [[maybe_unused]] size_t bytes) {
#ifdef __SANITIZE_ADDRESS__
  __asan_unpoison_memory_region(static_cast<const char*>(data) + bytes, rest_of_page(bytes));
#endif
}

LazyMemory::LazyMemory(size_t bytes, [[maybe_unused]] Pages pages) : bytes_(bytes ? bytes : 1) {
#ifdef _WIN32
  data_ = VirtualAlloc(nullptr, bytes_, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE);
  if (!data_) throw std::bad_alloc();
#else
  void* data = mmap(nullptr, bytes_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (data == MAP_FAILED) throw std::bad_alloc();
  data_ = data;
#ifdef MADV_HUGEPAGE
  if (pages == Pages::large) madvise(data_, bytes_, MADV_HUGEPAGE);
#endif
#endif
  guard_rest(data_, bytes_);
}

LazyMemory::LazyMemory(LazyMemory&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)), bytes_(std::exchange(other.bytes_, 0)) {}

LazyMemory& LazyMemory::operator=(LazyMemory&& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(bytes_, other.bytes_);
  return *this;
}

LazyMemory::~LazyMemory() {
  if (!data_) return;
  unguard_rest(data_, bytes_);
#ifdef _WIN32
  VirtualFree(data_, 0, MEM_RELEASE);
#else
  munmap(data_, bytes_);
#endif
}

}  // namespace deadlift

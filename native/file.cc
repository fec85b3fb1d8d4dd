// Maps files with the system's own call; the only place that knows about POSIX and Windows files.

#include "native/file.h"

#include <algorithm>
#include <atomic>
#include <utility>

#ifdef _WIN32
#define NOMINMAX
#include <windows.h>
#else
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#endif

namespace deadlift {
namespace {

std::atomic<int> mapped_count{0};

struct View {
  const uint8_t* data;
  uint64_t size;
};

[[noreturn]] void fail(const std::string& path, const std::string& why, bool missing = false) {
  throw FileError(missing ? "FileNotFound" : "FileUnreadable", "cannot read " + path + ": " + why);
}

#ifdef _WIN32

struct Handle {
  HANDLE value;
  ~Handle() {
    if (value != nullptr && value != INVALID_HANDLE_VALUE) CloseHandle(value);
  }
};

std::wstring wide(const std::string& utf8) {
  const int length = MultiByteToWideChar(CP_UTF8, 0, utf8.data(), static_cast<int>(utf8.size()), nullptr, 0);
  std::wstring text(static_cast<size_t>(length), L'\0');
  MultiByteToWideChar(CP_UTF8, 0, utf8.data(), static_cast<int>(utf8.size()), text.data(), length);
  return text;
}

View map_view(const std::string& path) {
  // Sharing all: mapping a model must not keep others from replacing or deleting it.
  const DWORD share = FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE;
  Handle file{CreateFileW(wide(path).c_str(), GENERIC_READ, share, nullptr, OPEN_EXISTING, 0, nullptr)};
  if (file.value == INVALID_HANDLE_VALUE) {
    const DWORD error = GetLastError();
    fail(path, "error " + std::to_string(error), error == ERROR_FILE_NOT_FOUND || error == ERROR_PATH_NOT_FOUND);
  }
  LARGE_INTEGER size;
  if (!GetFileSizeEx(file.value, &size)) fail(path, "its size is unknown");
  if (size.QuadPart == 0) fail(path, "the file is empty");
  Handle mapping{CreateFileMappingW(file.value, nullptr, PAGE_READONLY, 0, 0, nullptr)};
  void* data = mapping.value ? MapViewOfFile(mapping.value, FILE_MAP_READ, 0, 0, 0) : nullptr;
  if (!data) fail(path, "it cannot be mapped (error " + std::to_string(GetLastError()) + ")");
  return {static_cast<const uint8_t*>(data), static_cast<uint64_t>(size.QuadPart)};
}

void unmap_view(const uint8_t* data, uint64_t) { UnmapViewOfFile(data); }

// Of pages that are not locked, this takes them out of the working set.
void drop_pages(const uint8_t* data, uint64_t size) { VirtualUnlock(const_cast<uint8_t*>(data), size); }

void prefetch(const uint8_t* data, uint64_t size) {
  WIN32_MEMORY_RANGE_ENTRY range{const_cast<uint8_t*>(data), static_cast<size_t>(size)};
  PrefetchVirtualMemory(GetCurrentProcess(), 1, &range, 0);
}

#else

struct Descriptor {
  int value;
  ~Descriptor() {
    if (value >= 0) close(value);
  }
};

View map_view(const std::string& path) {
  // Not blocking: opening a pipe must fail below, not wait for its writer.
  Descriptor file{open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)};
  if (file.value < 0) fail(path, std::strerror(errno), errno == ENOENT || errno == ENOTDIR);
  struct stat info;
  if (fstat(file.value, &info) != 0) fail(path, std::strerror(errno));
  if (S_ISDIR(info.st_mode)) fail(path, "it is a directory, expected a file");
  if (!S_ISREG(info.st_mode)) fail(path, "it is not a regular file");
  if (info.st_size == 0) fail(path, "the file is empty");
  const auto size = static_cast<uint64_t>(info.st_size);
  void* data = mmap(nullptr, size, PROT_READ, MAP_SHARED, file.value, 0);
  if (data == MAP_FAILED) fail(path, std::string("it cannot be mapped: ") + std::strerror(errno));
  return {static_cast<const uint8_t*>(data), size};
}

void unmap_view(const uint8_t* data, uint64_t size) { munmap(const_cast<uint8_t*>(data), size); }

// Whole pages only: what shares the first and the last one may be in use.
void drop_pages(const uint8_t* data, uint64_t size) {
  const auto page = static_cast<uintptr_t>(sysconf(_SC_PAGESIZE));
  const auto start = (reinterpret_cast<uintptr_t>(data) + page - 1) / page * page;
  const auto end = (reinterpret_cast<uintptr_t>(data) + size) / page * page;
  if (start < end) madvise(reinterpret_cast<void*>(start), end - start, MADV_DONTNEED);
}

void prefetch(const uint8_t* data, uint64_t size) {
  // From the start of a page, as the call asks.
  const auto past = reinterpret_cast<uintptr_t>(data) % static_cast<uintptr_t>(sysconf(_SC_PAGESIZE));
  posix_madvise(const_cast<uint8_t*>(data) - past, static_cast<size_t>(size + past), POSIX_MADV_WILLNEED);
}

#endif

}  // namespace

MappedFile::MappedFile(const uint8_t* data, uint64_t size) : data_(data), size_(size) {
  guard_rest(data_, size_);
  ++mapped_count;
}

MappedFile::MappedFile(LazyMemory memory)
    : memory_(std::move(memory)), data_(memory_.as<uint8_t>()), size_(memory_.size()) {
  ++mapped_count;
}

MappedFile::~MappedFile() {
  if (memory_.size() == 0) {
    unguard_rest(data_, size_);
    unmap_view(data_, size_);
  }
  --mapped_count;
}

std::shared_ptr<const MappedFile> MappedFile::open(const std::string& path) {
  const View view = map_view(path);
  return std::shared_ptr<const MappedFile>(new MappedFile(view.data, view.size));
}

std::shared_ptr<const MappedFile> MappedFile::memory(uint64_t bytes) {
  return std::shared_ptr<const MappedFile>(new MappedFile(LazyMemory(bytes, Pages::large)));
}

void MappedFile::not_needed(uint64_t offset, uint64_t length) const {
  if (memory_.size() == 0) drop_pages(data_ + offset, length);
}

void MappedFile::will_need(uint64_t offset, uint64_t length) const {
  if (offset >= size_ || length == 0) return;
  prefetch(data_ + offset, std::min(length, size_ - offset));
}

int MappedFile::mapped() { return mapped_count; }

namespace {

// Sizes known to the compiler become loads and stores.
template <int size>
void gather_sized(const uint8_t* from, uint64_t count, uint64_t from_step, uint8_t* to, uint64_t to_step) {
  for (; count > 0; --count, from += from_step, to += to_step) std::memcpy(to, from, size);
}

}  // namespace

void gather(const uint8_t* from, uint64_t count, uint64_t size, uint64_t from_step, uint8_t* to, uint64_t to_step) {
  if (size == 2) return gather_sized<2>(from, count, from_step, to, to_step);
  if (size == 4) return gather_sized<4>(from, count, from_step, to, to_step);
  if (size == 16) return gather_sized<16>(from, count, from_step, to, to_step);
  if (size == 32) return gather_sized<32>(from, count, from_step, to, to_step);
  for (; count > 0; --count, from += from_step, to += to_step) std::memcpy(to, from, size);
}

}  // namespace deadlift

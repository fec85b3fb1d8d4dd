// An exclusive lock on a file, kept between processes: the same lock as Python's filelock takes.

#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "native/file.h"

namespace deadlift {

// `code` is one of src/error.ts: ReadOnlyCache, NoSpace or FileUnreadable.
struct LockError : FileError {
  using FileError::FileError;
};

enum class LockOutcome { held, busy, unsupported };

// Free when it is destroyed or its process ends, however that ends.
class FileLock {
 public:
  // One attempt, which never waits. The file is made with `mode` (POSIX only) when absent, and never removed.
  // busy: somebody else holds the lock; unsupported: this file system has none. Throws LockError; `path` is UTF-8.
  static LockOutcome attempt(const std::string& path, unsigned mode, std::unique_ptr<FileLock>* lock);
  ~FileLock();
  FileLock(const FileLock&) = delete;
  FileLock& operator=(const FileLock&) = delete;

 private:
  explicit FileLock(intptr_t file) : file_(file) {}

  intptr_t file_;  // a descriptor, or on Windows a HANDLE
};

}  // namespace deadlift

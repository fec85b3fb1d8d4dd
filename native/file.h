// A file mapped read-only into memory, whole, for as long as somebody reads it.

#pragma once

#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>

#include "native/memory.h"

namespace deadlift {

// `code` is one of src/error.ts: FileNotFound or FileUnreadable.
struct FileError : std::runtime_error {
  FileError(const char* error_code, const std::string& message) : std::runtime_error(message), code(error_code) {}
  const char* code;
};

class MappedFile {
 public:
  // Throws FileError; `path` is UTF-8.
  static std::shared_ptr<const MappedFile> open(const std::string& path);
  // Memory in the place of a file, zeroed, to be filled once. Throws std::bad_alloc.
  static std::shared_ptr<const MappedFile> memory(uint64_t bytes);
  ~MappedFile();
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  const uint8_t* data() const { return data_; }
  uint64_t size() const { return size_; }

  // A hint: these bytes are not wanted soon; what of them is in memory may go, and comes back when it is read.
  void not_needed(uint64_t offset, uint64_t length) const;

  // A hint: these bytes are wanted soon, so that a disk may begin with them now. Ranges past the end are cut.
  void will_need(uint64_t offset, uint64_t length) const;

  // Files mapped at this moment in this process, and memory in the place of files.
  static int mapped();

 private:
  MappedFile(const uint8_t* data, uint64_t size);
  explicit MappedFile(LazyMemory memory);

  LazyMemory memory_;  // empty: data_ is the view of a file
  const uint8_t* data_;
  uint64_t size_;
};

// Copies `count` items of `size` bytes that lie `from_step` apart to places `to_step` apart.
void gather(const uint8_t* from, uint64_t count, uint64_t size, uint64_t from_step, uint8_t* to, uint64_t to_step);

// A part of a mapped file.
struct FilePart {
  std::shared_ptr<const MappedFile> file;  // null: there is none
  uint64_t offset = 0;
  uint64_t size = 0;
  const uint8_t* data() const { return file->data() + offset; }
};

}  // namespace deadlift

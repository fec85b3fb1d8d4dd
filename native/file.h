// A file mapped read-only into memory, whole, for as long as somebody reads it.

#pragma once

#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>

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
  ~MappedFile();
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  const uint8_t* data() const { return data_; }
  uint64_t size() const { return size_; }

  // Files mapped at this moment in this process.
  static int mapped();

 private:
  MappedFile(const uint8_t* data, uint64_t size);

  const uint8_t* data_;
  uint64_t size_;
};

}  // namespace deadlift

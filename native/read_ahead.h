// Brings weights into memory before a step asks for them.

#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <thread>
#include <vector>

#include "native/file.h"

namespace deadlift {

// The first step over mapped files waits for a disk, in an order that no disk likes, and for the system to enter each
// page into its tables. A thread that gives way to others has both done from the start of the files on: while a
// tokenizer is built, or somebody thinks of a prompt. It ends with its object, after the page it is at; where there is
// no thread to be had, pages come as they are read.
class ReadAhead {
 public:
  struct Part {
    std::shared_ptr<const MappedFile> file;
    uint64_t offset;
    uint64_t bytes;
  };

  explicit ReadAhead(std::vector<Part> parts);
  ~ReadAhead();
  ReadAhead(const ReadAhead&) = delete;
  ReadAhead& operator=(const ReadAhead&) = delete;

 private:
  void read() const;

  std::vector<Part> parts_;
  std::atomic<bool> stopping_{false};
  std::thread thread_;
};

}  // namespace deadlift

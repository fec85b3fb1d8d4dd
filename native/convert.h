// Rows of a mapped tensor in another type: decoded, encoded and left in a buffer, by all workers.

#pragma once

#include <cstdint>
#include <memory>

#include "kernels/cpu/kernels.h"
#include "native/engine.h"
#include "native/file.h"

namespace deadlift {

struct RowsToEncode {
  std::shared_ptr<const MappedFile> file;
  uint64_t offset;  // of row 0 in the file
  Quant from;
  Quant to;
  int columns;
  int64_t first;             // row
  int64_t rows;              // that many
  const int32_t* order;      // (rows) the source row of each, or null: first, first + 1, ...
  const float* importance;   // (columns), or null
  uint8_t* out;              // (rows, columns) of type `to`
  uint64_t next, next_size;  // a range of the file that will be wanted soon
};

// Call it in a job of the engine. Returns whether all values were finite: where they are not, types of blocks are not
// written. Rows that keep their type are copied unseen. The source's pages need not stay in memory after it.
// Throws std::runtime_error for a type that cannot be written.
bool encode_rows(Engine& engine, const RowsToEncode& job);

}  // namespace deadlift

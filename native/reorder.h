// Plain numbers of a checkpoint in the order that the kernels run: matrices stored transposed, or in turns with others.

#pragma once

#include <cstdint>

#include "native/repack.h"

namespace deadlift {

// The number in row n and column k of matrix e is number first + e * stack_step + n * row_step + k * column_step.
struct ReorderJob {
  FilePart from;
  Quant type = Quant::count;  // of one value each
  int64_t first = 0, stack_step = 0, row_step = 0, column_step = 0;
  int64_t stack = 1, rows = 0, columns = 0;
  FilePart out;  // anonymous memory
};

// Call it in a job of the engine. The source's pages need not stay in memory after it. Throws std::runtime_error for
// numbers past the end of their file, and when the engine is stopped.
void reorder(Engine& engine, const ReorderJob& job);

}  // namespace deadlift

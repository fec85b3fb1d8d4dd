// Copies numbers tile by tile, on all workers.

#include "native/reorder.h"

#include <algorithm>
#include <cstring>
#include <stdexcept>

namespace deadlift {
namespace {

// Rows and columns of a tile: what a transposed one reads and writes stays in the L1 cache.
constexpr int64_t kTile = 32;

// At any alignment.
template <int bytes>
void copy_rows(const ReorderJob& job, int64_t matrix, int64_t row) {
  const int64_t rows = std::min(kTile, job.rows - row);
  const uint8_t* const from = job.from.data() + bytes * (job.first + matrix * job.stack_step + row * job.row_step);
  uint8_t* const out = const_cast<uint8_t*>(job.out.data()) + bytes * (matrix * job.rows + row) * job.columns;
  for (int64_t start = 0; start < job.columns; start += kTile) {
    const int64_t end = std::min(job.columns, start + kTile);
    for (int64_t n = 0; n < rows; n++) {
      for (int64_t k = start; k < end; k++) {
        std::memcpy(out + bytes * (n * job.columns + k), from + bytes * (n * job.row_step + k * job.column_step),
                    bytes);
      }
    }
  }
}

// Checked here too: a wrong size would read past the mapping.
void check(const ReorderJob& job, uint64_t bytes) {
  for (const FilePart* part : {&job.from, &job.out}) {
    if (part->size > part->file->size() || part->offset > part->file->size() - part->size) {
      throw std::runtime_error("a part of a weight reaches past the end of its file");
    }
  }
  const int64_t last = job.first + (job.stack - 1) * job.stack_step + (job.rows - 1) * job.row_step +
                       (job.columns - 1) * job.column_step;
  if ((static_cast<uint64_t>(last) + 1) * bytes > job.from.size ||
      static_cast<uint64_t>(job.stack * job.rows * job.columns) * bytes > job.out.size) {
    throw std::runtime_error("a weight is larger than the tensor that holds it");
  }
}

}  // namespace

void reorder(Engine& engine, const ReorderJob& job) {
  const int bytes = quant_facts[static_cast<int>(job.type)].bytes;
  check(job, static_cast<uint64_t>(bytes));
  const auto copy = bytes == 2 ? copy_rows<2> : bytes == 4 ? copy_rows<4> : copy_rows<8>;
  const int tiles = static_cast<int>((job.rows + kTile - 1) / kTile);
  for (int64_t matrix = 0; matrix < job.stack; matrix++) {
    engine.pool().each(tiles, [&](int tile, int) { copy(job, matrix, tile * kTile); });
  }
  if (engine.pool().cancelled()) throw std::runtime_error("the engine was stopped");
  job.from.file->not_needed(job.from.offset, job.from.size);
}

}  // namespace deadlift

// Cuts rows into pieces that stay in a core's cache between decoding and encoding.

#include "native/convert.h"

#include <algorithm>
#include <atomic>
#include <cstring>
#include <stdexcept>
#include <string>

namespace deadlift {
namespace {

// Columns at once, a multiple of every block; and the least values that are worth a chunk of their own.
constexpr int piece_columns = 8192;
constexpr int chunk_values = 1 << 15;

// Exponents of all ones are infinities and NaNs.
bool all_finite(const float* values, int n) {
  uint32_t found = 0;
  for (int i = 0; i < n; i++) {
    uint32_t bits;
    std::memcpy(&bits, values + i, 4);
    found |= (bits & 0x7f800000u) == 0x7f800000u;
  }
  return found == 0;
}

int64_t bytes_of(Quant quant, int64_t values) {
  const QuantFacts& facts = quant_facts[static_cast<int>(quant)];
  return values / facts.block * facts.bytes;
}

}  // namespace

bool encode_rows(Engine& engine, const RowsToEncode& job) {
  const auto decode = engine.kernels().decode[static_cast<int>(job.from)];
  const auto encode = engine.kernels().encode[static_cast<int>(job.to)];
  const bool copy = job.from == job.to, blocks = quant_facts[static_cast<int>(job.to)].block > 1;
  if (!copy && !encode) {
    throw std::runtime_error(std::string("cannot write type ") + quant_facts[static_cast<int>(job.to)].name);
  }
  job.file->will_need(job.next, job.next_size);
  const int64_t from_stride = bytes_of(job.from, job.columns), to_stride = bytes_of(job.to, job.columns);
  const int pieces = (job.columns + piece_columns - 1) / piece_columns;
  const int64_t chunk_rows = std::max<int64_t>(1, chunk_values / std::max(1, job.columns));
  const int64_t groups = (job.rows + chunk_rows - 1) / chunk_rows;
  std::atomic<bool> finite{true};

  engine.pool().each(static_cast<int>(groups * pieces), [&](int chunk, int) {
    alignas(64) float values[piece_columns];
    const int first = chunk % pieces * piece_columns, n = std::min(piece_columns, job.columns - first);
    const int64_t begin = chunk / pieces * chunk_rows, end = std::min(job.rows, begin + chunk_rows);
    for (int64_t r = begin; r < end; r++) {
      const int64_t row = job.order ? job.order[r] : job.first + r;
      const uint8_t* from = job.file->data() + job.offset + row * from_stride + bytes_of(job.from, first);
      uint8_t* to = job.out + r * to_stride + bytes_of(job.to, first);
      if (copy) {
        std::memcpy(to, from, static_cast<size_t>(bytes_of(job.to, n)));
        continue;
      }
      decode(from, 0, n, 1, values);
      if (!all_finite(values, n)) {
        finite = false;
        if (blocks) continue;  // nothing that their integers could mean
      }
      encode(values, job.importance ? job.importance + first : nullptr, n, to);
    }
  });
  // Rows in another order may need some of these pages once more, which then come back.
  job.file->not_needed(job.offset + static_cast<uint64_t>(job.first * from_stride),
                       static_cast<uint64_t>(job.rows * from_stride));
  return finite;
}

}  // namespace deadlift

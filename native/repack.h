// Weights as quantised checkpoints pack them, written as blocks that the kernels run.
//
// A checkpoint means (code - zero) * scale by one value, or level(code) * scale. Codes, scales and zero points lie in
// planes of their own, which differ in how the place of a value follows from its row and column.

#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "native/engine.h"
#include "native/file.h"

namespace deadlift {

enum class Packing : uint8_t {
  none,
  words_along,  // 32-bit words; a stream has one row's values, from the lowest bit on and across words
  words_down,   // a stream goes down the rows
  awq_down,     // the same with eight values of a word in AWQ's order
  bytes,        // a byte each, one row after another
  signed_bytes,
  high_first,  // two values in a byte, one row after another
  low_first,
};

// Small unsigned integers; signed ones are raised by half their range.
struct CodePlane {
  FilePart part;
  Packing packing = Packing::none;
  int bits = 0;
  int64_t step = 0;   // words to the next one of a stream
  int64_t apart = 0;  // words, or values, from stream to stream
};

enum class ScaleType : uint8_t { f32, f16, bf16, e8m0, looked_up };

// The scale of row n and group g is number n / rows * row_step + g * group_step, or with `flat` that of the block of
// `group` values one row after another.
struct ScalePlane {
  FilePart part;
  ScaleType type = ScaleType::f32;
  float factor = 1;
  bool flat = false;
  int64_t rows = 1, row_step = 0, group_step = 0;
  // looked_up: table[byte] * (the F32 of its block) + offset
  std::vector<float> table;
  FilePart blocks;
  int64_t block = 1;
  float offset = 0;
};

struct RepackJob {
  CodePlane codes;
  Quant levels = Quant::count;  // what codes mean when they are no integers: f8_scaled, nf4, fp4 or mxfp4
  ScalePlane scales;
  CodePlane zeros;              // of row n and group g
  int zero = 0;                 // where there is no such plane
  int zero_add = 0;             // to those there are, modulo 2^bits
  int64_t group = 1;            // columns that share a scale and a zero point
  std::vector<int32_t> groups;  // the group of each column, or empty
  Quant to = Quant::count;
  int64_t rows = 0, columns = 0;
  FilePart out;  // anonymous memory
};

// Call it in a job of the engine. The sources' pages need not stay in memory after it. Throws std::runtime_error for
// parts that reach past their file, zero points that the type to write cannot have, and when the engine is stopped.
void repack(Engine& engine, const RepackJob& job);

}  // namespace deadlift

// Unpacks tiles of rows and writes them as blocks, on all workers.

#include "native/repack.h"

#include <atomic>
#include <cstring>
#include <stdexcept>

#include "native/half.h"

namespace deadlift {
namespace {

// Neighbouring words of GPTQ and AWQ are of neighbouring rows, and the next column's are far away: the more rows at
// once, the fewer times memory is waited for. A tile has so many, and fewer where its codes would leave the L2 cache.
constexpr int kMostTileRows = 64, kLeastTileRows = 16;
constexpr int64_t kTileBytes = 512 * 1024;

// The place of each of eight values in a word of AWQ.
constexpr int kAwqPlace[8] = {0, 4, 1, 5, 2, 6, 3, 7};

uint32_t word_at(const uint8_t* words, int64_t index) {
  uint32_t word;
  std::memcpy(&word, words + 4 * index, 4);
  return word;
}

// The value at a position of a stream of words.
uint32_t code_in_words(const CodePlane& plane, int64_t stream, int64_t position) {
  if (plane.packing == Packing::awq_down) position = position / 8 * 8 + kAwqPlace[position % 8];
  const uint8_t* words = plane.part.data();
  const int64_t bit = position * plane.bits, index = stream * plane.apart + bit / 32 * plane.step;
  const int shift = static_cast<int>(bit % 32);
  uint64_t both = word_at(words, index);
  if (shift + plane.bits > 32) both |= uint64_t{word_at(words, index + plane.step)} << 32;
  return static_cast<uint32_t>(both >> shift) & ((1u << plane.bits) - 1);
}

uint32_t code_at(const CodePlane& plane, int64_t row, int64_t column) {
  const int64_t flat = row * plane.apart + column;
  switch (plane.packing) {
    case Packing::words_along:
      return code_in_words(plane, row, column);
    case Packing::words_down:
    case Packing::awq_down:
      return code_in_words(plane, column, row);
    case Packing::bytes:
      return plane.part.data()[flat];
    case Packing::signed_bytes:
      return plane.part.data()[flat] ^ 0x80u;
    case Packing::high_first:
      return plane.part.data()[flat / 2] >> (flat % 2 ? 0 : 4) & 15u;
    case Packing::low_first:
      return plane.part.data()[flat / 2] >> (flat % 2 ? 4 : 0) & 15u;
    case Packing::none:
      break;
  }
  return 0;
}

// Codes of a tile: out // (rows, pitch). The usual kinds word by word, the rest one by one.
struct Tile {
  int64_t first;
  int rows;
  int64_t columns;
  int64_t pitch;
  uint8_t* out;
};

template <int bits>
void unpack_words(const CodePlane& plane, const Tile& tile) {
  constexpr int per = 32 / bits;
  constexpr uint32_t mask = (1u << bits) - 1;
  const uint8_t* words = plane.part.data() + 4 * tile.first * plane.apart;
  for (int64_t k = 0; k < tile.columns; k += per, words += 4 * plane.step) {
    const int64_t count = tile.columns - k < per ? tile.columns - k : per;
    for (int row = 0; row < tile.rows; row++) {
      const uint32_t word = word_at(words, row * plane.apart);
      uint8_t codes[per];
      for (int i = 0; i < per; i++) codes[i] = static_cast<uint8_t>(word >> bits * i & mask);
      uint8_t* const out = tile.out + row * tile.pitch + k;
      if (count == per)
        std::memcpy(out, codes, per);
      else
        std::memcpy(out, codes, static_cast<size_t>(count));
    }
  }
}

void unpack_awq(const CodePlane& plane, const Tile& tile) {
  for (int row = 0; row < tile.rows; row += 8) {
    const uint8_t* words = plane.part.data() + 4 * ((tile.first + row) / 8 * plane.step);
    for (int64_t k = 0; k < tile.columns; k++) {
      const uint32_t word = word_at(words, k * plane.apart);
      uint8_t* const out = tile.out + row * tile.pitch + k;
      for (int i = 0; i < 8; i++) out[i * tile.pitch] = static_cast<uint8_t>(word >> 4 * kAwqPlace[i] & 15);
    }
  }
}

void unpack_nibbles(const CodePlane& plane, const Tile& tile) {
  const int low = plane.packing == Packing::low_first ? 0 : 4;
  for (int row = 0; row < tile.rows; row++) {
    const uint8_t* const pairs = plane.part.data() + (tile.first + row) * plane.apart / 2;
    uint8_t* const out = tile.out + row * tile.pitch;
    for (int64_t k = 0; k < tile.columns / 2; k++) {
      out[2 * k] = pairs[k] >> low & 15;
      out[2 * k + 1] = pairs[k] >> (4 - low) & 15;
    }
  }
}

void unpack(const CodePlane& plane, const Tile& tile) {
  const bool words = plane.packing == Packing::words_along;
  if (words && plane.bits == 2) return unpack_words<2>(plane, tile);
  if (words && plane.bits == 4) return unpack_words<4>(plane, tile);
  if (words && plane.bits == 8) return unpack_words<8>(plane, tile);
  if (plane.packing == Packing::awq_down && tile.rows % 8 == 0) return unpack_awq(plane, tile);
  const bool nibbles = plane.packing == Packing::high_first || plane.packing == Packing::low_first;
  if (nibbles && plane.apart % 2 == 0 && tile.columns % 2 == 0) return unpack_nibbles(plane, tile);
  const bool is_signed = plane.packing == Packing::signed_bytes;
  for (int row = 0; row < tile.rows; row++) {
    uint8_t* const out = tile.out + row * tile.pitch;
    if (is_signed || plane.packing == Packing::bytes) {
      const uint8_t* const from = plane.part.data() + (tile.first + row) * plane.apart;
      for (int64_t k = 0; k < tile.columns; k++) out[k] = static_cast<uint8_t>(from[k] ^ (is_signed ? 0x80 : 0));
    } else {
      for (int64_t k = 0; k < tile.columns; k++) {
        out[k] = static_cast<uint8_t>(code_at(plane, tile.first + row, k));
      }
    }
  }
}

template <class T>
T number_at(const FilePart& part, int64_t index) {
  T value;
  std::memcpy(&value, part.data() + sizeof(T) * index, sizeof(T));
  return value;
}

int64_t scale_index(const RepackJob& job, int64_t row, int64_t column, int64_t group) {
  const ScalePlane& scales = job.scales;
  if (scales.flat) return (row * job.columns + column) / job.group;
  return row / scales.rows * scales.row_step + group * scales.group_step;
}

float scale_at(const ScalePlane& scales, int64_t index) {
  switch (scales.type) {
    case ScaleType::f32:
      return number_at<float>(scales.part, index) * scales.factor;
    case ScaleType::f16:
      return half_to_float(number_at<uint16_t>(scales.part, index)) * scales.factor;
    case ScaleType::bf16:
      return bf16_to_float(number_at<uint16_t>(scales.part, index)) * scales.factor;
    case ScaleType::e8m0: {
      const uint32_t e = scales.part.data()[index];
      return std::bit_cast<float>(e == 255 ? 0x7fc00000u : e ? e << 23 : 0x400000u);
    }
    case ScaleType::looked_up:
      break;
  }
  const float coarse = number_at<float>(scales.blocks, index / scales.block);
  return scales.table[scales.part.data()[index]] * coarse + scales.offset;
}

int zero_at(const RepackJob& job, int64_t row, int64_t group) {
  if (job.zeros.packing == Packing::none) return job.zero;
  const uint32_t stored = code_at(job.zeros, row, group);
  return static_cast<int>((stored + static_cast<uint32_t>(job.zero_add)) & ((1u << job.zeros.bits) - 1));
}

void write_nibbles(const uint8_t* codes, int count, uint8_t* out) {
  for (int i = 0; i < count / 2; i++) out[i] = static_cast<uint8_t>(codes[i] | codes[count / 2 + i] << 4);
}

void write_word(uint32_t word, uint8_t* out) { std::memcpy(out, &word, 4); }

// What all codes mean: those of a block whose scale is 1.
std::vector<float> levels_of(const Engine& engine, Quant type) {
  if (type == Quant::count) return {};
  const bool is_byte = type == Quant::f8_scaled;
  const int block = quant_facts[static_cast<int>(type)].block, count = is_byte ? 256 : 16;
  std::vector<float> levels(count), values(block);
  std::vector<uint8_t> bytes(quant_facts[static_cast<int>(type)].bytes);
  if (type == Quant::mxfp4)
    bytes[0] = 127;
  else
    write_word(std::bit_cast<uint32_t>(1.0f), bytes.data());
  uint8_t* const codes = bytes.data() + (type == Quant::mxfp4 ? 1 : 4);
  for (int code = 0; code < count; code++) {
    codes[0] = static_cast<uint8_t>(code);
    engine.kernels().decode[static_cast<int>(type)](bytes.data(), 0, block, 1, values.data());
    levels[code] = values[0];
  }
  return levels;
}

struct Group {
  float scale;
  int zero;
};

class Writer {
 public:
  Writer(const RepackJob& job, std::vector<float> levels)
      : job_(job), facts_(quant_facts[static_cast<int>(job.to)]), levels_(std::move(levels)) {}

  // Whether every zero point was one that the type can have. `groups` is scratch.
  bool row(int64_t n, const uint8_t* codes, uint8_t* out, Group* groups) const {
    bool fits = true;
    if (facts_.block == 1) {
      values(n, codes, out, groups);
      return true;
    }
    for (int64_t k = 0; k < job_.columns; k += facts_.block, out += facts_.bytes) {
      const int64_t group = k / job_.group, index = scale_index(job_, n, k, group);
      fits &= block(index, zero_at(job_, n, group), codes + k, out);
    }
    return fits;
  }

 private:
  bool block(int64_t scale, int zero, const uint8_t* codes, uint8_t* out) const {
    const int count = facts_.block;
    const auto word = [&](int dropped) {
      const float d = scale_at(job_.scales, scale);
      return dropped ? upper_bits(d, dropped) : std::bit_cast<uint32_t>(d);
    };
    switch (job_.to) {
      case Quant::q4_0:
        std::memcpy(out, job_.scales.part.data() + 2 * scale, 2);
        write_nibbles(codes, count, out + 2);
        return zero == 8;
      case Quant::q8_0:
        std::memcpy(out, job_.scales.part.data() + 2 * scale, 2);
        for (int i = 0; i < count; i++) out[2 + i] = codes[i] ^ 0x80u;
        return zero == 128;
      case Quant::mxfp4:
        out[0] = job_.scales.part.data()[scale];
        write_nibbles(codes, count, out + 1);
        return true;
      case Quant::u4_scaled:
        write_word(word(8) | static_cast<uint32_t>(zero), out);
        write_nibbles(codes, count, out + 4);
        return true;
      case Quant::nf4:
      case Quant::fp4:
        write_word(word(0), out);
        write_nibbles(codes, count, out + 4);
        return true;
      default:  // u8_scaled, f8_scaled
        write_word(job_.to == Quant::u8_scaled ? word(8) | static_cast<uint32_t>(zero) : word(0), out);
        std::memcpy(out + 4, codes, count);
        return true;
    }
  }

  void values(int64_t n, const uint8_t* codes, uint8_t* out, Group* groups) const {
    const int64_t count = (job_.columns + job_.group - 1) / job_.group;
    if (!job_.scales.flat) {
      for (int64_t g = 0; g < count; g++)
        groups[g] = {scale_at(job_.scales, scale_index(job_, n, 0, g)), zero_at(job_, n, g)};
    }
    for (int64_t k = 0; k < job_.columns; k++) {
      const int64_t g = job_.groups.empty() ? k / job_.group : job_.groups[k];
      const Group group = job_.scales.flat ? Group{scale_at(job_.scales, scale_index(job_, n, k, 0)), 0} : groups[g];
      const float level = levels_.empty() ? static_cast<float>(codes[k] - group.zero) : levels_[codes[k]];
      put(level * group.scale, out + k * facts_.bytes);
    }
  }

  void put(float value, uint8_t* out) const {
    if (job_.to == Quant::f32) return write_word(std::bit_cast<uint32_t>(value), out);
    const uint16_t half =
        job_.to == Quant::f16 ? float_to_half(value) : static_cast<uint16_t>(upper_bits(value, 16) >> 16);
    std::memcpy(out, &half, 2);
  }

  const RepackJob& job_;
  const QuantFacts facts_;
  const std::vector<float> levels_;
};

const FilePart* parts_of(const RepackJob& job, int i) {
  const FilePart* all[] = {&job.codes.part, &job.scales.part, &job.scales.blocks, &job.zeros.part, &job.out};
  return i < 5 ? all[i] : nullptr;
}

void check(const RepackJob& job) {
  for (int i = 0; const FilePart* part = parts_of(job, i); i++) {
    // Checked here too: a wrong size would read past the mapping.
    if (part->file && (part->size > part->file->size() || part->offset > part->file->size() - part->size)) {
      throw std::runtime_error("a part of a weight reaches past the end of its file");
    }
  }
}

}  // namespace

void repack(Engine& engine, const RepackJob& job) {
  check(job);
  const Writer writer(job, levels_of(engine, job.levels));
  const QuantFacts& facts = quant_facts[static_cast<int>(job.to)];
  const int64_t stride = job.columns / facts.block * facts.bytes;
  if (static_cast<uint64_t>(stride) * static_cast<uint64_t>(job.rows) > job.out.size) {
    throw std::runtime_error("a weight is larger than the memory for it");
  }
  uint8_t* const out = const_cast<uint8_t*>(job.out.data());
  // Rows whose lengths are powers of two would all fall into the same few sets of the L1 cache.
  const int64_t pitch = job.columns + 64, groups = (job.columns + job.group - 1) / job.group;
  int tile_rows = kMostTileRows;
  while (tile_rows > kLeastTileRows && tile_rows * pitch > kTileBytes) tile_rows /= 2;
  const auto threads = static_cast<size_t>(engine.pool().threads());
  std::vector<uint8_t> codes(threads * tile_rows * pitch);
  std::vector<Group> group_scratch(threads * groups);
  std::atomic<bool> fits{true};
  const auto write_tile = [&](int64_t first, int worker) {
    const int rows = static_cast<int>(job.rows - first < tile_rows ? job.rows - first : tile_rows);
    const Tile tile{first, rows, job.columns, pitch, codes.data() + worker * tile_rows * pitch};
    unpack(job.codes, tile);
    for (int row = 0; row < rows; row++) {
      uint8_t* const to = out + (first + row) * stride;
      if (!writer.row(first + row, tile.out + row * pitch, to, group_scratch.data() + worker * groups)) fits = false;
    }
  };
  // The pool takes a million chunks at most.
  const int64_t most = int64_t{tile_rows} << 16;
  for (int64_t start = 0; start < job.rows; start += most) {
    const int64_t count = job.rows - start < most ? job.rows - start : most;
    const int tiles = static_cast<int>((count + tile_rows - 1) / tile_rows);
    engine.pool().each(tiles, [&](int tile, int worker) { write_tile(start + int64_t{tile} * tile_rows, worker); });
  }
  if (engine.pool().cancelled()) throw std::runtime_error("the engine was stopped");
  if (!fits) throw std::runtime_error("zero points differ from those of symmetric codes");
  for (int i = 0; i < 4; i++) {
    const FilePart& part = *parts_of(job, i);
    if (part.file) part.file->not_needed(part.offset, part.size);
  }
}

}  // namespace deadlift

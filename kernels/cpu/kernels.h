// The table of kernels: what every instruction set provides and what the engine calls.
//
// Kernels work on pieces that the engine cuts; they know nothing of threads. Bits never depend on how the work was cut.

#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/cpu/quants/quants.h"

namespace deadlift {

// A weight matrix where its file is mapped; `data` at any alignment.
struct Matrix {
  const uint8_t* data;
  int64_t stride;  // bytes of a row
  int rows;
  int columns;
};

// What a gated unit makes of gate and up, and `act` of a value; see src/program/value_ops.ts.
enum class Activation : uint8_t { silu, gelu, gelu_tanh, gelu_quick, relu, relu2, sigmoid, tanh, clamped_swish, count };

constexpr int activation_count = static_cast<int>(Activation::count);

// How keys and values are kept; kernels/cpu/kv.h draws it.
enum class KvType : uint8_t { f32, f16, bf16, q8_0, count };

constexpr int kv_type_count = static_cast<int>(KvType::count);
constexpr int kv_block = 32;  // dims under one scale in q8_0

// One layer's part of a page: key head after key head, each as drawn there.
struct KvLayout {
  int kv_heads;
  int head_dim;   // of a key
  int value_dim;  // of a value
  int page_tokens;
  int key_stride;    // of a dim's keys, in numbers; page_tokens rounded up to 16
  int value_stride;  // of a position's values, in numbers; value_dim rounded up to 16
  int part_tokens;   // positions with one softmax, whole pages
  int64_t values;    // bytes from a head's keys to its values
  int64_t key_scales;
  int64_t value_scales;
  int64_t head_bytes;  // keys and values of one head in one page
};

KvLayout kv_layout(KvType type, int kv_heads, int head_dim, int value_dim, int page_tokens);

// The pages of one sequence for one layer: page i holds positions [i * page_tokens, (i + 1) * page_tokens).
struct KvPages {
  const KvLayout* layout;
  uint8_t* base;        // the layer's part of page 0
  int64_t page_stride;  // bytes from page to page
  const int32_t* pages;
};

// What each token makes of the numbers of distances: (tokens, heads * count).
struct Gains {
  const float* data;  // null: there are none
  int64_t stride;
  int count;
};

// Some neighbouring tokens of one sequence. `q`, `k`, `v` and `out` point at the first of them.
struct Attention {
  KvPages kv;
  const float* q;  // (tokens, heads * headDim)
  int64_t q_stride;
  const float* k;  // (tokens, kvHeads * headDim)
  int64_t k_stride;
  const float* v;  // (tokens, kvHeads * valueDim)
  int64_t v_stride;
  float* out;  // (tokens, heads * valueDim)
  int64_t out_stride;
  int position;  // of the first token
  int tokens;
  int heads;
  float scale;
  bool causal;         // else a window reaches as far behind a token as before it
  int window;          // INT32_MAX: everything
  float softcap;       // 0: none
  const float* sinks;  // (heads) one more logit each, or null
  // (heads, distances_width(reach)) what scores gain by distances of [-reach - attend_block, reach + attend_block],
  // or null
  const float* distances;
  const int32_t* numbers;  // (distances_width(reach)) of those distances
  Gains by_query;
  Gains by_key;
  int reach;  // what is farther counts as if it were there
};

constexpr int attend_block = 32;  // positions of one step of the softmax

constexpr int distances_width(int reach) { return 2 * (reach + attend_block) + 1; }

// Some neighbouring tokens of one sequence, from the first of them on. Its state is read at `from`, null at the start
// of a sequence, and written at `to`, which may be the same place, or null where nobody goes on.
struct ShortConv {
  const float* x;  // (tokens, channels)
  int64_t x_stride;
  float* out;  // (tokens, channels)
  int64_t out_stride;
  const float* weight;  // (taps, channels)
  const float* bias;    // (channels), or null
  const float* from;    // (taps - 1, channels)
  float* to;
  int tokens;
  int channels;
  int taps;
};

struct Delta {
  const float* q;  // (tokens, keyHeads * keyDim)
  int64_t q_stride;
  const float* k;  // (tokens, keyHeads * keyDim)
  int64_t k_stride;
  const float* v;  // (tokens, heads * valueDim)
  int64_t v_stride;
  const float* step;  // (tokens, heads)
  int64_t step_stride;
  const float* beta;  // (tokens, heads)
  int64_t beta_stride;
  float* out;  // (tokens, heads * valueDim)
  int64_t out_stride;
  const float* rates;  // (heads)
  const float* from;   // (heads, keyDim, valueDim)
  float* to;
  int tokens;
  int heads;
  int key_heads;
  bool keys_in_turn;  // else neighbouring heads share one
  int key_dim;
  int value_dim;
};

struct Scan {
  const float* x;  // (tokens, heads * headDim)
  int64_t x_stride;
  const float* step;  // (tokens, heads)
  int64_t step_stride;
  const float* b;  // (tokens, groups * stateDim)
  int64_t b_stride;
  const float* c;  // (tokens, groups * stateDim)
  int64_t c_stride;
  float* out;  // (tokens, heads * headDim)
  int64_t out_stride;
  const float* rates;  // (heads), or (stateDim, heads)
  const float* skip;   // (heads)
  const float* from;   // (heads, stateDim, headDim), or (stateDim, heads)
  float* to;
  int tokens;
  int heads;
  int head_dim;
  int groups;
  int state_dim;
};

// Limits of what one call gets.
constexpr int linear_rows_max = 128;    // multiple of linear_rows_step
constexpr int linear_rows_step = 32;    // what kernels take at once, at most
constexpr int linear_tokens_max = 96;   // multiple of every tile_tokens
constexpr int linear_tile_max = 6144;   // rows * tokens of one call
constexpr int attend_queries_max = 16;  // tokens * (heads / kvHeads) of one call, or one token
constexpr int attend_part_positions = 512;
constexpr int state_columns = 64;      // of `delta` and `scan`, and channels of `short_conv`
constexpr int64_t touch_bytes = 4096;  // `touch` takes multiples of it

// What `linear` multiplies with: rows of floats, and the same packed where the type asks for it.
struct Activations {
  const float* x;  // (tokens, columns)
  int64_t stride;
  const uint8_t* packed;  // what the type's `pack` made of each pack_tokens rows, or null
  int64_t packed_stride;  // bytes for each row
  int tokens;
};

// Packs rows of activations, once for all matrices that they meet: pack_tokens of them, or the last ones of a batch.
using PackKernel = void (*)(const float* x, int64_t stride, int tokens, int columns, uint8_t* out, int64_t out_stride);
constexpr int pack_tokens = 16;
constexpr int64_t packed_bytes(int columns) { return (int64_t{columns} + 31) / 32 * 128; }  // of a row, at most

// out[t * out_stride + r] = sum over c of x[t, c] * weight[row + r, c].
using LinearKernel = void (*)(const Matrix& weight, int row, int rows, const Activations& x, float* out,
                              int64_t out_stride, float* scratch);

struct Kernels {
  const char* isa;
  const char* needs;  // processor features, separated by spaces

  LinearKernel linear[quant_count];
  PackKernel pack[quant_count];  // of its activations; null: it takes the floats
  // With activations of 8 bits where that is less work; as above where it is not.
  LinearKernel fast_linear[quant_count];
  PackKernel fast_pack[quant_count];
  // For programs of whole texts, whose sums need not have the bits of the above. Null: these are as good.
  LinearKernel texts_linear[quant_count];
  PackKernel texts_pack;
  // The values of columns [first, first + columns) of a row, `first` a multiple of 512; with `apart` of 1 one after
  // another.
  void (*decode[quant_count])(const uint8_t* row, int first, int columns, int apart, float* out);

  // Writes n values (whole blocks) as that type. `importance`: a weight for each value, or null. Null: it is only read.
  void (*encode[quant_count])(const float* values, const float* importance, int n, uint8_t* out);

  void (*add)(float* out, const float* a, const float* b, int n);
  // Adds the same to each of some rows.
  void (*shift)(float* rows, int64_t stride, int count, const float* by, int n);
  void (*most)(float* out, const float* a, const float* b, int n);  // the larger
  void (*mul)(float* out, const float* a, const float* b, int n);
  void (*scale)(float* out, const float* x, float factor, int n);
  void (*softcap)(float* out, const float* x, float cap, int n);
  void (*clamp)(float* out, const float* x, float cap, int n);
  void (*act[activation_count])(float* out, const float* x, int n);  // null: only in a gated unit
  void (*xielu)(float* out, const float* x, float p, float n, int count);
  void (*glu[activation_count])(float* out, const float* gate, const float* up, int n);
  // Groups of n; the weights and biases of the next are `step` floats on.
  void (*norm)(float* out, const float* x, const float* weight, int n, int groups, int step, float epsilon);
  void (*layer_norm)(float* out, const float* x, const float* weight, const float* bias, int n, int groups, int step,
                     float epsilon);
  void (*sparsify)(float* out, const float* x, float factor, int n);
  // cosines, sines // (pairs) of the token. `half`: (i, i + pairs) turn together, else (2i, 2i + 1).
  void (*rope)(float* out, const float* x, const float* cosines, const float* sines, int pairs, bool half, int heads,
               int head_dim);

  void (*softmax)(float* out, const float* x, int n);
  void (*share)(float* out, const float* x, float epsilon, int n);
  // Numbers of the k largest of n values, n >= k; then the values of others under those numbers.
  void (*route)(float* out, const float* x, int n, int k);
  // All but the values of the `used` best groups become `floor`; scratch: n + 2 * groups floats.
  void (*limit_groups)(float* out, const float* x, int n, int groups, int used, int best, float floor, float* scratch);
  void (*gather)(float* out, const float* x, const float* chosen, int k);
  // out[c] = sum over i < k of weights[i] * x[i * n + c].
  void (*mix)(float* out, const float* x, const float* weights, int n, int k);

  // out = log(1 + e^(x + bias)) within [least, most]; `bias` may be null.
  void (*softplus)(float* out, const float* x, const float* bias, float least, float most, int n);
  // Channels [first, first + count) of all tokens.
  void (*short_conv)(const ShortConv& conv, int first, int count);
  // Columns [first, first + count) of one head's state, at most state_columns; `scratch`: state_scratch floats.
  void (*delta)(const Delta& delta, int head, int first, int count, float* scratch);
  void (*scan_head)(const Scan& scan, int head, int first, int count, float* scratch);
  // The same where heads are of one value and have rates for each number of their state; columns are heads.
  void (*scan_channels)(const Scan& scan, int first, int count, float* scratch);

  // Stores keys and values of tokens [token, token + tokens) of one key head.
  void (*store_kv[kv_type_count])(const Attention& a, int kv_head, int token, int tokens);
  // Attention of those tokens' queries that share this key head.
  void (*attend[kv_type_count])(const Attention& a, int kv_head, int token, int tokens, float* scratch);
  // The same with parts of positions walked one by one, by anybody: part i are positions from i * part_tokens on,
  // `seen` takes what they come to (attend_seen floats). Then those of all parts that the first token sees any of, or a
  // later one, `apart` floats from one to the next.
  void (*attend_part[kv_type_count])(const Attention& a, int kv_head, int token, int tokens, int part, float* seen,
                                     float* scratch);
  void (*attend_join)(const Attention& a, int kv_head, int token, int tokens, int parts, float* seen, int64_t apart,
                      float* scratch);

  // Reads n bytes, n a multiple of touch_bytes.
  uint64_t (*touch)(const uint8_t* bytes, int64_t n);
  // Multiplies and adds between registers, peak_flops operations a round; x below 1 keeps its numbers finite.
  float (*peak)(float x, int64_t rounds);
  int peak_flops;

  // Whether the set computes here what it should; to be asked once, where its needs are met. Null: it does.
  bool (*works)() = nullptr;
};

// Floats of scratch a worker needs for `linear` and for `attend`; aligned to 64 bytes.
constexpr int64_t linear_scratch = 512 * linear_rows_max + int64_t{linear_tokens_max} * linear_rows_max * 16;
int64_t attend_scratch(int head_dim, int value_dim, int group);
int64_t attend_seen(int value_dim, int queries);
// For states of so many rows.
constexpr int64_t state_scratch(int rows) { return int64_t{rows} * state_columns; }

// Every set of this build, slowest first, ended by null.
const Kernels* const* all_kernels();

namespace scalar {
extern const Kernels kernels;
}
#ifdef DEADLIFT_X86
namespace avx2 {
extern const Kernels kernels;
}
namespace avx512 {
extern const Kernels kernels;
}
#endif
#ifdef DEADLIFT_AMX
namespace amx {
// What this set does otherwise than that of AVX-512.
struct Products {
  const char* needs;
  LinearKernel linear[quant_count], fast_linear[quant_count];
  PackKernel pack;  // of every type
  float (*peak)(float x, int64_t rounds);
  int peak_flops;
  bool (*works)();
};
extern const Products products;
}  // namespace amx
#endif
#ifdef DEADLIFT_ARM
namespace neon {
extern const Kernels kernels;
}
namespace neon_dot {
extern const Kernels kernels;
}
#endif

}  // namespace deadlift

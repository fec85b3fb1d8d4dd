// attend: causal attention over KV pages, with an online softmax over blocks of positions.
//
// Blocks are cut at absolute positions and every query walks them in ascending order, so a query's bits depend neither
// on the tokens it shares a step with nor on how its sequence was cut into steps. Queries that share a key head (and,
// in a prompt, neighbouring tokens) walk together, and each key and value is read once for all of them.

#include "kernels/cpu/exp.h"
#include "kernels/cpu/kernels.h"

namespace deadlift::DEADLIFT_ISA {
namespace {

// How keys and values are kept. `load` at any place of a row; stores at most `lanes`.
struct KvF32 {
  using Value = float;
  static vec load_values(const Value* p) { return load(p); }
  static void store_values(Value* p, vec a, int n) { store_part(p, a, n); }
};
struct KvF16 {
  using Value = uint16_t;
  static vec load_values(const Value* p) { return load_f16(p); }
  static void store_values(Value* p, vec a, int n) { store_f16_part(p, a, n); }
};
struct KvBf16 {
  using Value = uint16_t;
  static vec load_values(const Value* p) { return load_bf16(p); }
  static void store_values(Value* p, vec a, int n) { store_bf16_part(p, a, n); }
};

constexpr int block_positions = 32;  // of one step of the softmax
constexpr int query_tile = 4;        // queries in registers at once
constexpr int value_tile = 4;        // vectors of a value row in registers at once

inline int round_up16(int n) { return (n + 15) & ~15; }
inline int at_most(int a, int b) { return a < b ? a : b; }
inline int at_least(int a, int b) { return a > b ? a : b; }

template <class Kv>
typename Kv::Value* head_of(const KvPages& kv, int page, int kv_head) {
  uint8_t* start = kv.base + kv.pages[page] * kv.page_stride + kv_head * kv.layout->head_bytes;
  return reinterpret_cast<typename Kv::Value*>(start);
}

template <class Kv>
void store_kv(const Attention& a, int kv_head, int token, int tokens) {
  const KvLayout& layout = *a.kv.layout;
  const int dim = layout.head_dim;
  for (int t = token; t < token + tokens; ++t) {
    const int position = a.position + t, slot = position % layout.page_tokens;
    auto* keys = head_of<Kv>(a.kv, position / layout.page_tokens, kv_head);
    auto* values = keys + dim * layout.key_stride + slot * layout.value_stride;
    const float* k = a.k + t * a.k_stride + kv_head * dim;
    const float* v = a.v + t * a.v_stride + kv_head * dim;
    for (int d = 0; d < dim; d += lanes) {
      const int n = at_most(lanes, dim - d);
      Kv::store_values(values + d, load_part(v + d, n), n);
      typename Kv::Value column[lanes];
      Kv::store_values(column, load_part(k + d, n), n);
      for (int i = 0; i < n; ++i) keys[(d + i) * layout.key_stride + slot] = column[i];
    }
  }
}

// The queries that walk together, in scratch.
struct Walk {
  int queries;
  int dim;        // of a query
  int out_dim;    // dim rounded up to 16
  float* q;       // (queries, dim)
  float* out;     // (queries, out_dim), not yet divided by `total`
  float* p;       // (queries, block_positions): scores, then weights
  float* most;    // (queries) largest score so far
  float* total;   // (queries) sum of weights so far
  float* shrink;  // (queries) what `out` must be multiplied with, because `most` grew
};

inline Walk make_walk(int queries, int dim, float* scratch) {
  Walk w;
  w.queries = queries, w.dim = dim, w.out_dim = round_up16(dim);
  w.out = scratch;
  w.p = w.out + queries * w.out_dim;
  w.q = w.p + queries * block_positions;
  w.most = w.q + queries * dim;
  w.total = w.most + queries;
  w.shrink = w.total + queries;
  return w;
}

// p[q][j] = scale * q . k[j] for N vectors of positions and T queries.
template <class Kv, int T, int N>
void score_tile(const Walk& w, int query, const typename Kv::Value* keys, int key_stride, int j, float scale) {
  vec sums[T][N];
#pragma GCC unroll 4
  for (int t = 0; t < T; ++t) {
#pragma GCC unroll 2
    for (int i = 0; i < N; ++i) sums[t][i] = zero();
  }
  const float* q = w.q + query * w.dim;
  for (int d = 0; d < w.dim; ++d) {
    vec key[N];
#pragma GCC unroll 2
    for (int i = 0; i < N; ++i) key[i] = Kv::load_values(keys + d * key_stride + j + i * lanes);
#pragma GCC unroll 4
    for (int t = 0; t < T; ++t) {
      const vec x = splat(q[t * w.dim + d]);
#pragma GCC unroll 2
      for (int i = 0; i < N; ++i) sums[t][i] = fma(x, key[i], sums[t][i]);
    }
  }
#pragma GCC unroll 4
  for (int t = 0; t < T; ++t) {
#pragma GCC unroll 2
    for (int i = 0; i < N; ++i) {
      store(w.p + (query + t) * block_positions + j % block_positions + i * lanes, mul(sums[t][i], splat(scale)));
    }
  }
}

template <class Kv, int T>
void score_queries(const Walk& w, int query, int queries, const typename Kv::Value* keys, int key_stride, int j, int to,
                   float scale) {
  if constexpr (T > 1) {
    if (queries < T) return score_queries<Kv, T - 1>(w, query, queries, keys, key_stride, j, to, scale);
  }
  for (; j + lanes < to; j += 2 * lanes) score_tile<Kv, T, 2>(w, query, keys, key_stride, j, scale);
  if (j < to) score_tile<Kv, T, 1>(w, query, keys, key_stride, j, scale);
}

// Scores of one block become weights relative to the largest score so far. Valid are positions [from, to) of the block.
inline void soften(const Walk& w, int query, int from, int to) {
  constexpr int vectors = block_positions / lanes;
  float* p = w.p + query * block_positions;
  vec scores[vectors], best = splat(w.most[query]);
#pragma GCC unroll 4
  for (int i = 0; i < vectors; ++i) {
    const int first = i * lanes;
    scores[i] =
        keep(load(p + first), at_most(at_least(from - first, 0), lanes), at_most(at_least(to - first, 0), lanes));
    best = max(best, scores[i]);
  }
  const float most = largest(best);
  vec total = zero();
#pragma GCC unroll 4
  for (int i = 0; i < vectors; ++i) {
    scores[i] = exp(sub(scores[i], splat(most)));
    store(p + i * lanes, scores[i]);
    total = add(total, scores[i]);
  }
  float shrink[lanes];
  store(shrink, exp(splat(w.most[query] - most)));
  w.shrink[query] = shrink[0];
  w.total[query] = w.total[query] * shrink[0] + sum(total);
  w.most[query] = most;
}

// out[q] = out[q] * shrink[q] + sum over j in [from, to) of p[q][j] * v[j], for N vectors of T queries.
template <class Kv, int T, int N>
void mix_tile(const Walk& w, int query, const typename Kv::Value* values, int value_stride, int from, int to, int d) {
  vec sums[T][N];
  float* out = w.out + query * w.out_dim + d;
  const float* p = w.p + query * block_positions;
#pragma GCC unroll 4
  for (int t = 0; t < T; ++t) {
#pragma GCC unroll 4
    for (int i = 0; i < N; ++i) {
      sums[t][i] = mul(load(out + t * w.out_dim + i * lanes), splat(w.shrink[query + t]));
    }
  }
  for (int j = from; j < to; ++j) {
    vec value[N];
#pragma GCC unroll 4
    for (int i = 0; i < N; ++i) value[i] = Kv::load_values(values + j * value_stride + d + i * lanes);
#pragma GCC unroll 4
    for (int t = 0; t < T; ++t) {
      const vec x = splat(p[t * block_positions + j]);
#pragma GCC unroll 4
      for (int i = 0; i < N; ++i) sums[t][i] = fma(x, value[i], sums[t][i]);
    }
  }
#pragma GCC unroll 4
  for (int t = 0; t < T; ++t) {
#pragma GCC unroll 4
    for (int i = 0; i < N; ++i) store(out + t * w.out_dim + i * lanes, sums[t][i]);
  }
}

template <class Kv, int T>
void mix_queries(const Walk& w, int query, int queries, const typename Kv::Value* values, int value_stride, int from,
                 int to) {
  if constexpr (T > 1) {
    if (queries < T) return mix_queries<Kv, T - 1>(w, query, queries, values, value_stride, from, to);
  }
  int d = 0;
  for (; d + value_tile * lanes <= w.out_dim; d += value_tile * lanes) {
    mix_tile<Kv, T, value_tile>(w, query, values, value_stride, from, to, d);
  }
  for (; d < w.out_dim; d += lanes) mix_tile<Kv, T, 1>(w, query, values, value_stride, from, to, d);
}

// One block of positions: `begin` is its first, and tokens [token, token + tokens) of the walk see some of it.
template <class Kv>
void walk_block(const Attention& a, const Walk& w, int kv_head, int begin, int first, int token, int tokens) {
  const KvLayout& layout = *a.kv.layout;
  const int heads = a.heads / layout.kv_heads, slot = begin % layout.page_tokens;
  const int size = at_most(block_positions - slot % block_positions, layout.page_tokens - slot);
  const auto* keys = head_of<Kv>(a.kv, begin / layout.page_tokens, kv_head);
  const auto* values = keys + layout.head_dim * layout.key_stride + slot * layout.value_stride;
  int some_from = size, some_to = 0;
  const int queries = tokens * heads, query = (token - first) * heads;
  const int last = at_most(size, a.position + token + tokens - begin);
  for (int i = 0; i < queries; i += query_tile) {
    score_queries<Kv, query_tile>(w, query + i, queries - i, keys, layout.key_stride, slot, slot + last, a.scale);
  }
  for (int i = 0; i < queries; ++i) {
    const int position = a.position + token + i / heads;
    const int from = at_most(at_least(position - begin - a.window + 1, 0), size);
    const int to = at_most(position + 1 - begin, size);
    soften(w, query + i, from, to);
    some_from = at_most(some_from, from), some_to = at_least(some_to, to);
  }
  for (int i = 0; i < queries; i += query_tile) {
    mix_queries<Kv, query_tile>(w, query + i, queries - i, values, layout.value_stride, some_from, some_to);
  }
}

inline int first_seen(const Attention& a, int token) { return at_least(a.position + token - a.window + 1, 0); }

inline void start_walk(const Attention& a, const Walk& w, int kv_head, int token, int heads) {
  for (int i = 0; i < w.queries; ++i) {
    const float* q = a.q + (token + i / heads) * a.q_stride + (kv_head * heads + i % heads) * w.dim;
    memcpy(w.q + i * w.dim, q, sizeof(float) * static_cast<size_t>(w.dim));
    for (int d = 0; d < w.out_dim; d += lanes) store(w.out + i * w.out_dim + d, zero());
    // A sink is a position that all have seen before the first, and that has no value.
    w.most[i] = a.sinks ? a.sinks[kv_head * heads + i % heads] : -__builtin_inff();
    w.total[i] = a.sinks ? 1 : 0;
  }
}

inline void finish_walk(const Attention& a, const Walk& w, int kv_head, int token, int heads) {
  for (int i = 0; i < w.queries; ++i) {
    float* out = a.out + (token + i / heads) * a.out_stride + (kv_head * heads + i % heads) * w.dim;
    const vec scale = splat(1.0f / w.total[i]);
    for (int d = 0; d < w.dim; d += lanes) {
      store_part(out + d, mul(load(w.out + i * w.out_dim + d), scale), at_most(lanes, w.dim - d));
    }
  }
}

template <class Kv>
void attend(const Attention& a, int kv_head, int token, int tokens, float* scratch) {
  const KvLayout& layout = *a.kv.layout;
  const int heads = a.heads / layout.kv_heads, end = token + tokens;
  const Walk w = make_walk(tokens * heads, layout.head_dim, scratch);
  start_walk(a, w, kv_head, token, heads);
  int begin = first_seen(a, token);
  begin -= begin % layout.page_tokens % block_positions;
  while (begin < a.position + end) {
    const int slot = begin % layout.page_tokens;
    const int next = begin + at_most(block_positions - slot % block_positions, layout.page_tokens - slot);
    // Tokens before `from` end before this block, tokens from `to` on have a window that starts after it.
    int from = at_least(token, begin - a.position), to = end;
    while (to > from && first_seen(a, to - 1) >= next) --to;
    if (from < to) walk_block<Kv>(a, w, kv_head, begin, token, from, to - from);
    begin = next;
  }
  finish_walk(a, w, kv_head, token, heads);
}

}  // namespace
}  // namespace deadlift::DEADLIFT_ISA

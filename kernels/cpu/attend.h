// attend: attention over KV pages, with an online softmax over blocks of positions.
//
// A walk is cut at absolute positions: into parts of `KvLayout::part_tokens`, each with a softmax of its own, and those
// into blocks. Every query goes through blocks and joins parts in ascending order, so its bits depend neither on the
// tokens it shares a step with, nor on how its sequence was cut into steps, nor on who walks which part. Queries that
// share a key head (and, in a prompt, neighbouring tokens) walk together, and each key and value is read once for all.

#include "kernels/cpu/exp.h"
#include "kernels/cpu/kernels.h"
#include "kernels/cpu/kv.h"
#include "kernels/cpu/softcap.h"

namespace deadlift::DEADLIFT_ISA {
namespace {

constexpr int block_positions = attend_block;
// Weights may be as large as e^8: `out` hardly ever has to be made smaller because a larger score has come.
constexpr float most_slack = 8;

inline int round_up16(int n) { return (n + 15) & ~15; }

// What queries have seen so far.
struct Seen {
  float* out;    // (queries, out_dim), not yet divided by `total`
  float* most;   // (queries) the largest score, or one that is at most `most_slack` less
  float* total;  // (queries) sum of weights relative to it
};

// The queries that walk together.
struct Walk {
  int queries;
  int dim;        // of a query
  int value_dim;  // of what becomes of it
  int out_dim;    // value_dim rounded up to 16
  Seen whole;     // all parts before the one that is walked
  Seen part;      // of which this is
  float* q;       // (queries, dim), times the scale of scores
  float* p;       // (queries, block_positions): scores, then weights
  float* totals;  // (queries, lanes) sums of the weights of a part
  float softcap;  // 0: none
  float* shrink;  // (queries) what `out` must be multiplied with, because `most` grew
};

inline Seen make_seen(int queries, int out_dim, float* memory) {
  float* most = memory + queries * out_dim;
  return {memory, most, most + queries};
}

inline Walk make_walk(const Attention& a, int tokens, float* part, float* scratch) {
  Walk w;
  w.dim = a.kv.layout->head_dim, w.value_dim = a.kv.layout->value_dim, w.out_dim = round_up16(w.value_dim);
  w.queries = tokens * (a.heads / a.kv.layout->kv_heads);
  w.softcap = a.softcap;
  const int seen = round_up16(w.queries * (w.out_dim + 2));
  w.whole = make_seen(w.queries, w.out_dim, scratch);
  w.part = make_seen(w.queries, w.out_dim, part ? part : scratch + seen);
  w.p = scratch + 2 * seen;
  w.q = w.p + w.queries * block_positions;
  w.totals = w.q + w.queries * w.dim;
  w.shrink = w.totals + w.queries * lanes;
  return w;
}

// Some neighbouring positions of a page, of one key head.
template <class Kv>
struct Block {
  KvSlots<Kv> slots;
  KvSlots<Kv> next;  // of the block after this one, which is fetched meanwhile
  int key_stride;
  int value_stride;
  int size;
};

// `n` numbers in lines of 64 bytes.
template <class Value>
void prefetch_values(const Value* p, int n) {
  for (int i = 0; i < n; i += static_cast<int>(64 / sizeof(Value))) prefetch(p + i);
}

// What dims [first, first + kv_block), or all where numbers have no scales, add to the scores of N vectors of
// positions.
template <class Kv, int T, int N>
void add_scores(const Walk& w, int query, const Block<Kv>& block, int j, int first, vec (&sums)[T][N]) {
#pragma GCC unroll 4
  for (int i = 0; i < N; ++i) {
    const int at = j + i * lanes;
    float* p = w.p + query * block_positions + at;
    vec scale = zero();
    if constexpr (Kv::scaled) scale = load_f16(block.slots.key_scales + first / kv_block * block.key_stride + at);
#pragma GCC unroll 8
    for (int t = 0; t < T; ++t, p += block_positions) {
      if constexpr (Kv::scaled) sums[t][i] = fma(sums[t][i], scale, first > 0 ? load(p) : zero());
      store(p, sums[t][i]);
    }
  }
}

// p[q][j] = q . k[j] for N vectors of positions and T queries.
template <class Kv, int T, int N>
void score_tile(const Walk& w, int query, const Block<Kv>& block, int j) {
  const int step = Kv::scaled ? kv_block : w.dim;
  const float* q = w.q + query * w.dim;
  for (int first = 0; first < w.dim; first += step) {
    vec sums[T][N];
#pragma GCC unroll 8
    for (int t = 0; t < T; ++t) {
#pragma GCC unroll 4
      for (int i = 0; i < N; ++i) sums[t][i] = zero();
    }
    for (int d = first; d < at_most(first + step, w.dim); ++d) {
      const int at = d * block.key_stride + j;
      vec key[N];
#pragma GCC unroll 4
      for (int i = 0; i < N; ++i) key[i] = Kv::load_values(block.slots.keys + at + i * lanes);
      prefetch_values(block.next.keys + at, N * lanes);
#pragma GCC unroll 8
      for (int t = 0; t < T; ++t) {
        const vec x = splat(q[t * w.dim + d]);
#pragma GCC unroll 4
        for (int i = 0; i < N; ++i) sums[t][i] = fma(x, key[i], sums[t][i]);
      }
    }
    add_scores<Kv, T, N>(w, query, block, j, first, sums);
  }
}

template <class Kv, int T>
void score_queries(const Walk& w, int query, int queries, const Block<Kv>& block) {
  if constexpr (T > 1) {
    if (queries < T) return score_queries<Kv, T - 1>(w, query, queries, block);
  }
  constexpr int N = score_tile_vectors;
  int j = 0;
  for (; j + (N - 1) * lanes < block.size; j += N * lanes) score_tile<Kv, T, N>(w, query, block, j);
  for (; j < block.size; j += lanes) score_tile<Kv, T, 1>(w, query, block, j);
}

inline void raise_most(const Walk& w, int query, float most) {
  float shrink[lanes];
  store(shrink, exp(splat(w.part.most[query] - most)));
  w.shrink[query] = shrink[0];
  w.part.most[query] = most;
  store(w.totals + query * lanes, mul(load(w.totals + query * lanes), splat(shrink[0])));
}

// Where a block whose first position is that far from a query begins among all distances.
inline int place_of(const Attention& a, int distance) {
  return a.reach + block_positions + at_most(at_least(distance, -a.reach - block_positions), a.reach + 1);
}

// What a query adds to the scores of a block.
inline const float* distances_from(const Attention& a, int head, int distance) {
  return a.distances ? a.distances + head * distances_width(a.reach) + place_of(a, distance) : nullptr;
}

// What a query and the keys of a block make of their distances is added to the scores of positions [from, to).
inline void add_gains(const Attention& a, float* p, int head, int token, int begin, int from, int to) {
  const int32_t* numbers = a.numbers + place_of(a, begin - a.position - token);
  if (const Gains& gains = a.by_query; gains.data) {
    const float* own = gains.data + token * gains.stride + head * gains.count;
    for (int j = from; j < to; ++j) p[j] += a.scale * own[numbers[j]];
  }
  if (const Gains& gains = a.by_key; gains.data) {
    const int first = at_least(from, a.position - begin);
    const float* keys = gains.data + (begin - a.position) * gains.stride + head * gains.count;
    for (int j = first; j < to; ++j) p[j] += a.scale * keys[j * gains.stride + numbers[j]];
  }
}

// Scores of one block become weights relative to `most`; valid are positions [from, to) of the block.
inline void soften(const Walk& w, int query, const float* distances, int from, int to) {
  constexpr int vectors = block_positions / lanes;
  float* p = w.p + query * block_positions;
  vec scores[vectors], best = splat(-__builtin_inff());
#pragma GCC unroll 4
  for (int i = 0; i < vectors; ++i) {
    const int first = i * lanes;
    scores[i] = load(p + first);
    if (w.softcap > 0) scores[i] = capped(scores[i], splat(w.softcap));
    if (distances) scores[i] = add(scores[i], load(distances + first));
    if (from > first || to < first + lanes) {
      scores[i] = keep(scores[i], at_most(at_least(from - first, 0), lanes), at_most(at_least(to - first, 0), lanes));
    }
    best = max(best, scores[i]);
  }
  w.shrink[query] = 1;
  if (at_least(best, splat(w.part.most[query] + most_slack))) raise_most(w, query, largest(best));
  vec total = load(w.totals + query * lanes);
#pragma GCC unroll 4
  for (int i = 0; i < vectors; ++i) {
    const vec weight = exp(sub(scores[i], splat(w.part.most[query])));
    store(p + i * lanes, weight);
    total = add(total, weight);
  }
  store(w.totals + query * lanes, total);
}

// out[q] = out[q] * shrink[q] + sum over j in [from, to) of weights[q][j] * v[j], for N vectors of T queries.
template <class Kv, int T, int N>
void mix_tile(const Walk& w, int query, const float* weights, const Block<Kv>& block, int from, int to, int d) {
  vec sums[T][N];
  float* out = w.part.out + query * w.out_dim + d;
#pragma GCC unroll 8
  for (int t = 0; t < T; ++t) {
#pragma GCC unroll 4
    for (int i = 0; i < N; ++i) {
      sums[t][i] = mul(load(out + t * w.out_dim + i * lanes), splat(w.shrink[query + t]));
    }
  }
  for (int j = from; j < to; ++j) {
    vec value[N];
#pragma GCC unroll 4
    for (int i = 0; i < N; ++i) value[i] = Kv::load_values(block.slots.values + j * block.value_stride + d + i * lanes);
    prefetch_values(block.next.values + j * block.value_stride + d, N * lanes);
#pragma GCC unroll 8
    for (int t = 0; t < T; ++t) {
      const vec x = splat(weights[t * block_positions + j]);
#pragma GCC unroll 4
      for (int i = 0; i < N; ++i) sums[t][i] = fma(x, value[i], sums[t][i]);
    }
  }
#pragma GCC unroll 8
  for (int t = 0; t < T; ++t) {
#pragma GCC unroll 4
    for (int i = 0; i < N; ++i) store(out + t * w.out_dim + i * lanes, sums[t][i]);
  }
}

// For dims [d, end).
template <class Kv, int T>
void mix_dims(const Walk& w, int query, const float* weights, const Block<Kv>& block, int from, int to, int d,
              int end) {
  constexpr int N = mix_tile_vectors;
  for (; d + N * lanes <= end; d += N * lanes) mix_tile<Kv, T, N>(w, query, weights, block, from, to, d);
  for (; d < end; d += lanes) mix_tile<Kv, T, 1>(w, query, weights, block, from, to, d);
}

template <class Kv, int T>
void mix_queries(const Walk& w, int query, int queries, const Block<Kv>& block, int from, int to) {
  if constexpr (T > 1) {
    if (queries < T) return mix_queries<Kv, T - 1>(w, query, queries, block, from, to);
  }
  const float* p = w.p + query * block_positions;
  if constexpr (Kv::scaled) {
    for (int d = 0; d < w.out_dim; d += kv_block) {
      const uint16_t* scales = block.slots.value_scales + d / kv_block * block.key_stride;
      float weights[T * block_positions];
      for (int j = 0; j < block.size; j += lanes) {
        const vec scale = load_f16(scales + j);
        for (int t = 0; t < T * block_positions; t += block_positions) {
          store(weights + t + j, mul(load(p + t + j), scale));
        }
      }
      mix_dims<Kv, T>(w, query, weights, block, from, to, d, at_most(d + kv_block, w.out_dim));
    }
  } else {
    mix_dims<Kv, T>(w, query, p, block, from, to, 0, w.out_dim);
  }
}

// A token sees positions [first_seen, end_seen).
inline int first_seen(const Attention& a, int token) { return at_least(a.position + token - a.window + 1, 0); }

inline int end_seen(const Attention& a, int token) {
  return a.position + (a.causal ? token + 1 : token + at_most(a.tokens - token, a.window));
}

// Positions [begin, next) are one block; tokens [token, token + tokens) see some of it, `query` is their first.
template <class Kv>
void walk_block(const Attention& a, const Walk& w, int kv_head, int begin, int next, int token, int tokens, int query) {
  const KvLayout& layout = *a.kv.layout;
  const int heads = a.heads / layout.kv_heads, queries = tokens * heads;
  const int size = at_most(next, end_seen(a, token + tokens - 1)) - begin;
  const int after = next < a.position + a.tokens ? next : begin;
  const Block<Kv> block = {slots_of<Kv>(a.kv, kv_head, begin), slots_of<Kv>(a.kv, kv_head, after), layout.key_stride,
                           layout.value_stride, size};
  for (int i = 0; i < queries; i += query_tile) score_queries<Kv, query_tile>(w, query + i, queries - i, block);
  int some_from = size, some_to = 0;
  for (int i = 0; i < queries; ++i) {
    const int t = token + i / heads, head = kv_head * heads + i % heads;
    const int from = at_most(at_least(first_seen(a, t) - begin, 0), size);
    const int to = at_most(end_seen(a, t) - begin, size);
    if (a.by_query.data || a.by_key.data) {
      add_gains(a, w.p + (query + i) * block_positions, head, t, begin, from, to);
    }
    soften(w, query + i, distances_from(a, head, begin - a.position - t), from, to);
    some_from = at_most(some_from, from), some_to = at_least(some_to, to);
  }
  for (int i = 0; i < queries; i += query_tile) {
    mix_queries<Kv, query_tile>(w, query + i, queries - i, block, some_from, some_to);
  }
}

inline void start_seen(const Walk& w, const Seen& seen) {
  for (int i = 0; i < w.queries * w.out_dim; i += lanes) store(seen.out + i, zero());
  for (int i = 0; i < w.queries; ++i) seen.most[i] = -__builtin_inff(), seen.total[i] = 0;
}

template <class Kv>
void walk_part(const Attention& a, const Walk& w, int kv_head, int token, int tokens, int part) {
  const KvLayout& layout = *a.kv.layout;
  const int heads = a.heads / layout.kv_heads, page_tokens = layout.page_tokens, last = token + tokens;
  start_seen(w, w.part);
  for (int i = 0; i < w.queries * lanes; i += lanes) store(w.totals + i, zero());
  int begin = at_least(first_seen(a, token), part * layout.part_tokens);
  begin -= begin % page_tokens % block_positions;
  const int end = at_most(end_seen(a, last - 1), (part + 1) * layout.part_tokens);
  while (begin < end) {
    const int slot = begin % page_tokens;
    const int next = begin + at_most(block_positions - slot % block_positions, page_tokens - slot);
    // Tokens before `from` end before this block, tokens from `to` on have a window that starts after it.
    int from = token, to = last;
    while (from < to && end_seen(a, from) <= begin) ++from;
    while (to > from && first_seen(a, to - 1) >= next) --to;
    if (from < to) walk_block<Kv>(a, w, kv_head, begin, next, from, to - from, (from - token) * heads);
    begin = next;
  }
  for (int i = 0; i < w.queries; ++i) w.part.total[i] = sum(load(w.totals + i * lanes));
}

inline void start_walk(const Attention& a, const Walk& w, int kv_head, int token) {
  const int heads = a.heads / a.kv.layout->kv_heads;
  for (int i = 0; i < w.queries; ++i) {
    const float* q = a.q + (token + i / heads) * a.q_stride + (kv_head * heads + i % heads) * w.dim;
    for (int d = 0; d < w.dim; ++d) w.q[i * w.dim + d] = q[d] * a.scale;
  }
}

inline void start_whole(const Attention& a, const Walk& w, int kv_head) {
  const int heads = a.heads / a.kv.layout->kv_heads;
  start_seen(w, w.whole);
  if (!a.sinks) return;
  // A sink is a position that all have seen before the first, and that has no value.
  for (int i = 0; i < w.queries; ++i) w.whole.most[i] = a.sinks[kv_head * heads + i % heads], w.whole.total[i] = 1;
}

inline void join_part(const Walk& w, const Seen& part) {
  for (int i = 0; i < w.queries; ++i) {
    if (part.total[i] == 0) continue;  // its window is elsewhere
    const float a = w.whole.most[i], b = part.most[i], most = a > b ? a : b;
    float factors[lanes] = {a - most, b - most};
    store(factors, exp(load(factors)));
    const vec old = splat(factors[0]), more = splat(factors[1]);
    for (int d = i * w.out_dim; d < (i + 1) * w.out_dim; d += lanes) {
      store(w.whole.out + d, fma(load(part.out + d), more, mul(load(w.whole.out + d), old)));
    }
    w.whole.most[i] = most;
    w.whole.total[i] = w.whole.total[i] * factors[0] + part.total[i] * factors[1];
  }
}

inline void finish_walk(const Attention& a, const Walk& w, const Seen& seen, int kv_head, int token) {
  const int heads = a.heads / a.kv.layout->kv_heads;
  for (int i = 0; i < w.queries; ++i) {
    float* out = a.out + (token + i / heads) * a.out_stride + (kv_head * heads + i % heads) * w.value_dim;
    const vec scale = splat(1.0f / seen.total[i]);
    for (int d = 0; d < w.value_dim; d += lanes) {
      // Adding 0 makes 0 of -0, as joining a part does.
      store_part(out + d, fma(load(seen.out + i * w.out_dim + d), scale, zero()), at_most(lanes, w.value_dim - d));
    }
  }
}

template <class Kv>
void attend(const Attention& a, int kv_head, int token, int tokens, float* scratch) {
  const Walk w = make_walk(a, tokens, nullptr, scratch);
  const int part_tokens = a.kv.layout->part_tokens, last = (end_seen(a, token + tokens - 1) - 1) / part_tokens;
  int part = first_seen(a, token) / part_tokens;
  start_walk(a, w, kv_head, token);
  if (part == last && !a.sinks) {  // joining it would change nothing
    walk_part<Kv>(a, w, kv_head, token, tokens, part);
    return finish_walk(a, w, w.part, kv_head, token);
  }
  start_whole(a, w, kv_head);
  for (; part <= last; ++part) {
    walk_part<Kv>(a, w, kv_head, token, tokens, part);
    join_part(w, w.part);
  }
  finish_walk(a, w, w.whole, kv_head, token);
}

template <class Kv>
void attend_part(const Attention& a, int kv_head, int token, int tokens, int part, float* seen, float* scratch) {
  const Walk w = make_walk(a, tokens, seen, scratch);
  start_walk(a, w, kv_head, token);
  walk_part<Kv>(a, w, kv_head, token, tokens, part);
}

inline void attend_join(const Attention& a, int kv_head, int token, int tokens, int parts, float* seen, int64_t apart,
                        float* scratch) {
  const Walk w = make_walk(a, tokens, nullptr, scratch);
  start_whole(a, w, kv_head);
  for (int part = 0; part < parts; ++part) join_part(w, make_seen(w.queries, w.out_dim, seen + part * apart));
  finish_walk(a, w, w.whole, kv_head, token);
}

}  // namespace
}  // namespace deadlift::DEADLIFT_ISA

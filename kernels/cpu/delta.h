// delta: the gated delta rule (Yang 2024), token by token, some columns of one head's state at a time.

#include "kernels/cpu/columns.h"
#include "kernels/cpu/exp.h"

namespace deadlift::DEADLIFT_ISA {
namespace {

struct DeltaWalk {
  const Delta& delta;
  int head;
  float* block;  // (keyDim, columns)

  // The state fades, then what it holds for the key moves towards the value, then the query reads it.
  template <int V>
  void token(int t, const float* q, const float* k, int column, int count) const {
    const vec fade = exp(splat(delta.step[t * delta.step_stride + head] * delta.rates[head]));
    auto held = Columns<V>::splat_all(0), out = held;
    for (int r = 0; r < delta.key_dim; ++r) {
      const vec key = splat(k[r]);
      for (int i = 0; i < V; ++i) held.v[i] = fma(key, load(block + (r * V + i) * lanes), held.v[i]);
    }
    const vec beta = splat(delta.beta[t * delta.beta_stride + head]);
    auto change = Columns<V>::load_all(delta.v + t * delta.v_stride + column, count);
    for (int i = 0; i < V; ++i) change.v[i] = mul(beta, sub(change.v[i], mul(fade, held.v[i])));
    for (int r = 0; r < delta.key_dim; ++r) {
      const vec key = splat(k[r]), query = splat(q[r]);
      for (int i = 0; i < V; ++i) {
        float* const at = block + (r * V + i) * lanes;
        const vec state = fma(key, change.v[i], mul(fade, load(at)));
        store(at, state);
        out.v[i] = fma(query, state, out.v[i]);
      }
    }
    out.store_all(delta.out + t * delta.out_stride + column, count);
  }

  template <int V>
  void run(int first, int count) const {
    const int64_t width = delta.value_dim, at = head * delta.key_dim * width + first;
    const int shared = head / (delta.heads / delta.key_heads), in_turn = head % delta.key_heads;
    const int from = (delta.keys_in_turn ? in_turn : shared) * delta.key_dim;
    const int column = head * delta.value_dim + first;
    take_columns<V>(block, delta.from ? delta.from + at : nullptr, width, delta.key_dim, count);
    for (int t = 0; t < delta.tokens; ++t) {
      token<V>(t, delta.q + t * delta.q_stride + from, delta.k + t * delta.k_stride + from, column, count);
    }
    put_columns<V>(delta.to ? delta.to + at : nullptr, block, width, delta.key_dim, count);
  }
};

inline void delta(const Delta& delta, int head, int first, int count, float* scratch) {
  each_columns(first, count, DeltaWalk{delta, head, scratch});
}

}  // namespace
}  // namespace deadlift::DEADLIFT_ISA

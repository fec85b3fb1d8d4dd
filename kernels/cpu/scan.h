// scan: a selective state space (Gu 2023), token by token, some columns of a state at a time.

#include "kernels/cpu/columns.h"
#include "kernels/cpu/exp.h"

namespace deadlift::DEADLIFT_ISA {
namespace {

// Columns of one head, which fades as a whole (Mamba 2).
struct HeadScan {
  const Scan& scan;
  int head;
  float* block;  // (stateDim, columns)

  template <int V>
  void token(int t, const float* b, const float* c, int column, int count) const {
    const float step = scan.step[t * scan.step_stride + head];
    const vec fade = exp(splat(step * scan.rates[head])), skip = splat(scan.skip[head]);
    const auto x = Columns<V>::load_all(scan.x + t * scan.x_stride + column, count);
    auto in = x, out = x;
    for (int i = 0; i < V; ++i) in.v[i] = mul(splat(step), x.v[i]), out.v[i] = zero();
    for (int n = 0; n < scan.state_dim; ++n) {
      const vec write = splat(b[n]), read = splat(c[n]);
      for (int i = 0; i < V; ++i) {
        float* const at = block + (n * V + i) * lanes;
        const vec state = fma(write, in.v[i], mul(fade, load(at)));
        store(at, state);
        out.v[i] = fma(read, state, out.v[i]);
      }
    }
    for (int i = 0; i < V; ++i) out.v[i] = fma(skip, x.v[i], out.v[i]);
    out.store_all(scan.out + t * scan.out_stride + column, count);
  }

  template <int V>
  void run(int first, int count) const {
    const int64_t at = int64_t{head} * scan.state_dim * scan.head_dim + first;
    const int group = head / (scan.heads / scan.groups) * scan.state_dim, column = head * scan.head_dim + first;
    take_columns<V>(block, scan.from ? scan.from + at : nullptr, scan.head_dim, scan.state_dim, count);
    for (int t = 0; t < scan.tokens; ++t) {
      token<V>(t, scan.b + t * scan.b_stride + group, scan.c + t * scan.c_stride + group, column, count);
    }
    put_columns<V>(scan.to ? scan.to + at : nullptr, block, scan.head_dim, scan.state_dim, count);
  }
};

// Columns that are heads of one value, each of whose states fades at its own rate (Mamba).
struct ChannelScan {
  const Scan& scan;
  float* block;  // (stateDim, columns)

  template <int V>
  void token(int t, int column, int count) const {
    const float *b = scan.b + t * scan.b_stride, *c = scan.c + t * scan.c_stride;
    const auto x = Columns<V>::load_all(scan.x + t * scan.x_stride + column, count);
    const auto step = Columns<V>::load_all(scan.step + t * scan.step_stride + column, count);
    auto in = x, out = x;
    for (int i = 0; i < V; ++i) in.v[i] = mul(step.v[i], x.v[i]), out.v[i] = zero();
    for (int n = 0; n < scan.state_dim; ++n) {
      const auto rates = Columns<V>::load_all(scan.rates + int64_t{n} * scan.heads + column, count);
      const vec write = splat(b[n]), read = splat(c[n]);
      for (int i = 0; i < V; ++i) {
        float* const at = block + (n * V + i) * lanes;
        const vec state = fma(write, in.v[i], mul(exp(mul(step.v[i], rates.v[i])), load(at)));
        store(at, state);
        out.v[i] = fma(read, state, out.v[i]);
      }
    }
    const auto skip = Columns<V>::load_all(scan.skip + column, count);
    for (int i = 0; i < V; ++i) out.v[i] = fma(skip.v[i], x.v[i], out.v[i]);
    out.store_all(scan.out + t * scan.out_stride + column, count);
  }

  template <int V>
  void run(int first, int count) const {
    take_columns<V>(block, scan.from ? scan.from + first : nullptr, scan.heads, scan.state_dim, count);
    for (int t = 0; t < scan.tokens; ++t) token<V>(t, first, count);
    put_columns<V>(scan.to ? scan.to + first : nullptr, block, scan.heads, scan.state_dim, count);
  }
};

inline void scan_head(const Scan& scan, int head, int first, int count, float* scratch) {
  each_columns(first, count, HeadScan{scan, head, scratch});
}

inline void scan_channels(const Scan& scan, int first, int count, float* scratch) {
  each_columns(first, count, ChannelScan{scan, scratch});
}

}  // namespace
}  // namespace deadlift::DEADLIFT_ISA

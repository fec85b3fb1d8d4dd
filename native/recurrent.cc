// The ops that carry a state from token to token: each span's are cut into pieces of columns, which the workers share.

#include <algorithm>
#include <cassert>

#include "native/executable.h"

namespace deadlift {
namespace {

constexpr int pieces_of(int columns) { return (columns + state_columns - 1) / state_columns; }

}  // namespace

// Null: before the first token of a sequence there is none, and texts that nobody goes on from keep none.
float* Executable::state(const Op& op, int slot) const {
  assert(slot < options_.states);
  return slot < 0 ? nullptr : states_.as<float>() + slot * slot_floats_ + state_offsets_[op.state];
}

void Executable::short_conv(const Op& op) {
  const Rows x = rows(op.x), out = rows(op.out);
  const int channels = program_.buffers[op.out].width, taps = matrices_[op.weight].columns;
  each_piece(pieces_of(channels), state_columns * taps, [&](int s, int piece, int) {
    const Span& span = batch_->spans[s];
    const int first = piece * state_columns;
    ShortConv conv{};
    conv.x = x.row(span_starts_[s]), conv.x_stride = x.stride;
    conv.out = out.row(span_starts_[s]), conv.out_stride = out.stride;
    conv.weight = vectors_[op.weight].data();
    conv.bias = op.bias < 0 ? nullptr : vectors_[op.bias].data();
    conv.from = state(op, span.state_from), conv.to = state(op, span.state_to);
    conv.tokens = span.count, conv.channels = channels, conv.taps = taps;
    kernels_.short_conv(conv, first, std::min(state_columns, channels - first));
  });
}

void Executable::delta(const Op& op) {
  const Rows q = rows(op.x), k = rows(op.y), v = rows(op.z), step = rows(op.step), beta = rows(op.beta),
             out = rows(op.out);
  const int heads = program_.buffers[op.step].width, value_dim = program_.buffers[op.out].width / heads;
  const int key_dim = program_.buffers[op.x].width / op.groups, pieces = pieces_of(value_dim);
  each_piece(heads * pieces, state_columns * key_dim, [&](int s, int piece, int worker) {
    const Span& span = batch_->spans[s];
    const int token = span_starts_[s], first = piece % pieces * state_columns;
    Delta delta{};
    delta.q = q.row(token), delta.q_stride = q.stride;
    delta.k = k.row(token), delta.k_stride = k.stride;
    delta.v = v.row(token), delta.v_stride = v.stride;
    delta.step = step.row(token), delta.step_stride = step.stride;
    delta.beta = beta.row(token), delta.beta_stride = beta.stride;
    delta.out = out.row(token), delta.out_stride = out.stride;
    delta.rates = vectors_[op.weight].data();
    delta.from = state(op, span.state_from), delta.to = state(op, span.state_to);
    delta.tokens = span.count, delta.heads = heads, delta.key_heads = op.groups, delta.keys_in_turn = op.keys_in_turn;
    delta.key_dim = key_dim, delta.value_dim = value_dim;
    kernels_.delta(delta, piece / pieces, first, std::min(state_columns, value_dim - first), scratch(worker));
  });
}

void Executable::scan(const Op& op) {
  const Rows x = rows(op.x), b = rows(op.y), c = rows(op.z), step = rows(op.step), out = rows(op.out);
  const int heads = program_.buffers[op.step].width, head_dim = program_.buffers[op.out].width / heads;
  const int state_dim = program_.buffers[op.y].width / op.groups;
  const bool whole_heads = static_cast<int>(vectors_[op.weight].size()) == heads;
  const int columns = whole_heads ? head_dim : heads, pieces = pieces_of(columns);
  each_piece((whole_heads ? heads : 1) * pieces, state_columns * state_dim, [&](int s, int piece, int worker) {
    const Span& span = batch_->spans[s];
    const int token = span_starts_[s], first = piece % pieces * state_columns;
    const int count = std::min(state_columns, columns - first);
    Scan scan{};
    scan.x = x.row(token), scan.x_stride = x.stride;
    scan.step = step.row(token), scan.step_stride = step.stride;
    scan.b = b.row(token), scan.b_stride = b.stride;
    scan.c = c.row(token), scan.c_stride = c.stride;
    scan.out = out.row(token), scan.out_stride = out.stride;
    scan.rates = vectors_[op.weight].data(), scan.skip = vectors_[op.bias].data();
    scan.from = state(op, span.state_from), scan.to = state(op, span.state_to);
    scan.tokens = span.count, scan.heads = heads, scan.head_dim = head_dim;
    scan.groups = op.groups, scan.state_dim = state_dim;
    if (whole_heads) return kernels_.scan_head(scan, piece / pieces, first, count, scratch(worker));
    kernels_.scan_channels(scan, first, count, scratch(worker));
  });
}

}  // namespace deadlift

// The op `attend`: cuts the queries of a step into tiles, and long walks into parts, which the workers of the pool
// share.

#include <algorithm>
#include <climits>
#include <cstdlib>

#include "native/executable.h"

namespace deadlift {

void Executable::cut_tiles(int group) {
  if (tiles_group_ == group) return;
  tiles_group_ = group;
  tiles_.clear();
  const int most = std::max(1, attend_queries_max / group);
  for (int s = 0; s < static_cast<int>(batch_->spans.size()); s++) {
    const int count = batch_->spans[s].count;
    for (int first = 0; first < count; first += most) tiles_.push_back({s, first, std::min(most, count - first)});
  }
}

// So that neighbours of what one query adds to the scores of a block are neighbours in memory.
void Executable::spread_distances() {
  for (const DistancesFacts& facts : program_.distances) {
    const int heads = facts.table < 0 ? static_cast<int>(facts.slopes.size()) : program_.weights[facts.table].columns;
    const int width = distances_width(facts.reach);
    std::vector<float>& all = distances_.emplace_back(static_cast<size_t>(heads) * width);
    std::vector<int32_t>& numbers = numbers_.emplace_back(width);
    for (int i = 0; i < width && !facts.buckets.empty(); i++) {
      numbers[i] = facts.buckets[std::clamp(i - attend_block, 0, 2 * facts.reach)];
    }
    for (int head = 0; head < heads; head++) {
      for (int i = 0; i < width; i++) {
        const int distance = std::clamp(i - facts.reach - attend_block, -facts.reach, facts.reach);
        all[static_cast<size_t>(head) * width + i] = facts.table < 0
                                                         ? -facts.slopes[head] * static_cast<float>(std::abs(distance))
                                                         : vectors_[facts.table][numbers[i] * heads + head];
      }
    }
  }
}

Attention Executable::attention(const Op& op, const Span& span, int first_token) const {
  const bool stores = op.y >= 0;
  const Rows q = rows(op.x), k = stores ? rows(op.y) : Rows{}, v = stores ? rows(op.z) : Rows{}, out = rows(op.out);
  Attention a{};
  a.kv = {&layouts_[op.layer], kv_.as<uint8_t>() + layer_offsets_[op.layer], page_bytes_, span.pages};
  a.q = q.row(first_token), a.q_stride = q.stride;
  if (stores) {
    a.k = k.row(first_token), a.k_stride = k.stride;
    a.v = v.row(first_token), a.v_stride = v.stride;
  }
  a.out = out.row(first_token), a.out_stride = out.stride;
  a.position = span.position;
  a.tokens = span.count;
  a.heads = op.heads;
  a.scale = op.scale;
  a.causal = op.causal;
  a.softcap = op.softcap;
  a.window = op.window > 0 ? op.window : INT32_MAX;
  if (op.distances >= 0) {
    if (!distances_[op.distances].empty()) a.distances = distances_[op.distances].data();
    a.numbers = numbers_[op.distances].data();
    a.reach = program_.distances[op.distances].reach;
  }
  for (const auto& [buffer, gains] : {std::pair{op.by_query, &a.by_query}, std::pair{op.by_key, &a.by_key}}) {
    if (buffer < 0) continue;
    const Rows each = rows(buffer);
    *gains = {each.row(first_token), each.stride, program_.buffers[buffer].width / op.heads};
  }
  a.sinks = op.weight < 0 ? nullptr : vectors_[op.weight].data();
  return a;
}

// A tile becomes one walk for each key head, or one for each of its parts where it is much of all the work. That
// changes no bits: whole walks join the same parts. Whether it is worth waking another thread for.
bool Executable::cut_walks(const Op& op) {
  const KvLayout& layout = layouts_[op.layer];
  const int threads = engine_.pool().threads(), group = op.heads / layout.kv_heads;
  const auto first_seen = [&](const Tile& tile) {
    const int64_t position = batch_->spans[tile.span].position + tile.first;
    return op.window > 0 ? std::max<int64_t>(0, position - op.window + 1) : 0;
  };
  const auto end = [&](const Tile& tile) {
    const Span& span = batch_->spans[tile.span];
    const int next = tile.first + tile.count, window = op.window > 0 ? op.window : INT_MAX;
    return span.position + (op.causal ? next : next - 1 + std::min(span.count - next + 1, window));
  };
  const auto work = [&](const Tile& tile) { return tile.count * (end(tile) - first_seen(tile)); };
  int64_t all = 0, floats = 0;
  for (const Tile& tile : tiles_) all += work(tile) * layout.kv_heads;
  const bool small = all * group * (layout.head_dim + layout.value_dim) / 2 < kParallelValues;
  walks_.clear(), cuts_.clear();
  // The last tokens see the most: begin with them, so that no thread ends alone.
  for (int t = static_cast<int>(tiles_.size()) - 1; t >= 0; t--) {
    const int first = static_cast<int>(first_seen(tiles_[t])) / layout.part_tokens;
    const int parts = (end(tiles_[t]) - 1) / layout.part_tokens + 1 - first, cut = static_cast<int>(cuts_.size());
    const bool whole = small || threads == 1 || parts == 1 || work(tiles_[t]) * threads * kWalksPerThread <= all;
    for (int i = 0; i < (whole ? 1 : parts); i++) {
      for (int head = 0; head < layout.kv_heads; head++) walks_.push_back({t, head, whole ? -1 : i, cut + head});
    }
    for (int head = 0; head < layout.kv_heads && !whole; head++) {
      cuts_.push_back({first, parts, floats, attend_seen(layout.value_dim, tiles_[t].count * group)});
      floats += parts * cuts_.back().apart;
    }
  }
  if (seen_.size() < static_cast<size_t>(floats)) seen_.resize(floats);
  if (left_.size() < cuts_.size()) left_ = std::vector<std::atomic<int>>(cuts_.size());
  for (size_t i = 0; i < cuts_.size(); i++) left_[i].store(cuts_[i].parts, std::memory_order_relaxed);
  return !small;
}

void Executable::walk(const Op& op, const Walk& walk, float* scratch) {
  const int type = static_cast<int>(options_.kv_type);
  const auto [span, first, count] = tiles_[walk.tile];
  const Attention a = attention(op, batch_->spans[span], span_starts_[span]);
  if (walk.part < 0) return kernels_.attend[type](a, walk.head, first, count, scratch);
  const Cut& cut = cuts_[walk.cut];
  float* const seen = seen_.data() + cut.seen;
  kernels_.attend_part[type](a, walk.head, first, count, cut.first + walk.part, seen + walk.part * cut.apart, scratch);
  // Whoever walks the last part joins them all, in their order.
  if (left_[walk.cut].fetch_sub(1, std::memory_order_acq_rel) > 1) return;
  kernels_.attend_join(a, walk.head, first, count, cut.parts, seen, cut.apart, scratch);
}

void Executable::attend(const Op& op) {
  const KvLayerFacts& layer = program_.layers[op.layer];
  const auto store = kernels_.store_kv[static_cast<int>(options_.kv_type)];
  const int group = op.heads / layer.kv_heads, tokens = std::max(1, attend_queries_max / group);
  cut_tiles(group);
  // Transposing is slow work.
  each_row(op.y < 0 ? 0 : static_cast<int>(tiles_.size()) * layer.kv_heads,
           tokens * (layer.head_dim + layer.value_dim) * 4, [&](int i) {
             const auto [span, first, count] = tiles_[i / layer.kv_heads];
             store(attention(op, batch_->spans[span], span_starts_[span]), i % layer.kv_heads, first, count);
           });
  if (cut_walks(op)) {
    engine_.pool().each(static_cast<int>(walks_.size()),
                        [&](int i, int worker) { walk(op, walks_[i], scratch(worker)); });
  } else {
    for (const Walk& each : walks_) walk(op, each, scratch(0));
  }
}

}  // namespace deadlift

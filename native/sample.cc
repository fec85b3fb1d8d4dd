// Penalties, temperature, cuts and draw over one row of logits.
//
// Meaning: the logits processors and warpers of Python transformers, in the order its `generate` builds them:
//   bias, repetition penalty, [frequency and presence penalties], temperature, topK, topP, minP, typicalP, draw.
// Frequency and presence are OpenAI's and unknown to transformers; they stand with the other penalties, before
// temperature, so that their strength does not depend on it. test/reference/sample.ts is the same chain, written
// plainly.
//
// Determinism: the same seed and logits give the same ids on every machine. All sums are doubles in order of ids; exp
// is our own (libms differ in the last bit); compile without contraction to FMA. Only the reported log-probabilities
// pass through libm's log.

#include "native/sample.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <unordered_map>
#include <utility>

#include "native/softmax.h"

namespace deadlift {
namespace {

// The k-th largest value, counting equals; the lowest float where fewer than k are above it.
float kth_largest(const float* x, int n, int k, std::vector<float>& buffer) {
  float limit = -kLargest;
  size_t room = 2 * static_cast<size_t>(k) + kBlock;
  buffer.clear();
  auto shrink = [&] {
    if (buffer.size() < static_cast<size_t>(k)) return;
    std::nth_element(buffer.begin(), buffer.begin() + (k - 1), buffer.end(), std::greater<float>());
    limit = buffer[k - 1];
    buffer.resize(k);  // the rest is no larger; equals need not be counted twice
  };
  auto at_least = [&] { return limit; };
  each_block(x, n, at_least, [&](int begin, int end) {
    for (int i = begin; i < end; ++i) {
      if (x[i] >= limit) buffer.push_back(x[i]);
    }
    if (buffer.size() >= room) shrink();
  });
  shrink();
  return limit;
}

// Logits to choose from, in order of their ids: a whole row, or the largest of one.
struct Choices {
  float* logit;
  int32_t count;
  const int32_t* ids = nullptr;  // null: 0, 1, 2, ...

  int32_t id(int32_t place) const { return ids ? ids[place] : place; }

  // Null where the id is not among them.
  float* find(int32_t id) const {
    if (!ids) return id < count ? logit + id : nullptr;  // none of a row may have no `ids` either
    const int32_t* const end = ids + count;
    const int32_t* const at = std::lower_bound(ids, end, id);
    return at < end && *at == id ? logit + (at - ids) : nullptr;
  }
};

double sum(const double* w, size_t n) {
  double total = 0;
  for (size_t i = 0; i < n; ++i) total += w[i];
  return total;
}

// What is left of the vocabulary, in order of ids.
struct Candidates {
  std::vector<int32_t> id;
  std::vector<float> logit;
  std::vector<double> weight;  // e^((logit - max) / temperature); the most probable has 1
  double max = 0;

  size_t size() const { return id.size(); }

  // All ids with logits of at least `limit`, weighed.
  void collect(const Choices& all, float limit, double temperature) {
    const float* const x = all.logit;
    id.clear();
    logit.clear();
    auto at_least = [&] { return limit; };
    each_block(x, all.count, at_least, [&](int begin, int end) {
      for (int i = begin; i < end; ++i) {
        if (x[i] >= limit) id.push_back(all.id(i)), logit.push_back(x[i]);
      }
    });
    if (id.empty()) return;
    max = tame(*std::max_element(logit.begin(), logit.end()));
    weight.resize(size());
    weigh(logit.data(), size(), max, temperature, weight.data());
  }

  template <class Keep>
  void keep_if(Keep keep) {
    size_t to = 0;
    for (size_t i = 0; i < size(); ++i) {
      if (!keep(i)) continue;
      id[to] = id[i], logit[to] = logit[i], weight[to] = weight[i];
      ++to;
    }
    id.resize(to), logit.resize(to), weight.resize(to);
  }
};

// One per thread, not one per sampler: a row without topK needs megabytes.
struct Scratch {
  Candidates candidates;
  std::vector<float> values;
  std::vector<double> key;
  std::vector<std::pair<double, double>> sorted;  // key, weight
};

Scratch& scratch() {
  thread_local Scratch one;
  return one;
}

// In order of keys, the key of the first candidate at which the sum of weights reaches `mass`, and the sum of all
// weights with smaller keys.
struct Edge {
  double key, below;
};

// Only the bucket that holds the edge is sorted. A bucket is `unit` / 32 wide: weights within it are within 3 %.
Edge find_edge(const std::vector<double>& key, const std::vector<double>& weight, double unit, double mass) {
  constexpr int kBuckets = 1024;
  const bool few = key.size() <= kBuckets;
  const double least = *std::min_element(key.begin(), key.end());
  auto bucket = [&](double k) {
    const double place = few ? 0 : (k - least) / unit * 32;
    return place < kBuckets - 1 ? static_cast<int>(place) : kBuckets - 1;
  };
  double below[kBuckets] = {};
  for (size_t i = 0; i < key.size(); ++i) below[bucket(key[i])] += weight[i];
  int at = 0;
  double cumulative = 0;
  while (at < kBuckets - 1 && cumulative + below[at] < mass) cumulative += below[at++];

  auto& sorted = scratch().sorted;
  sorted.clear();
  for (size_t i = 0; i < key.size(); ++i) {
    if (bucket(key[i]) == at) sorted.emplace_back(key[i], weight[i]);
  }
  std::sort(sorted.begin(), sorted.end());
  Edge edge{least, 0};
  for (size_t i = 0; i < sorted.size(); ++i) {
    if (i == 0 || sorted[i].first > edge.key) edge = {sorted[i].first, cumulative};
    cumulative += sorted[i].second;
    if (cumulative >= mass) return edge;
  }
  return {HUGE_VAL, cumulative};  // rounding kept the sum below the mass: nothing is cut
}

// Keeps the most probable candidates while those before them sum to less than `share`, the lowest id first among equals
// as in greedy (transformers leaves their order to torch.sort, which is not stable).
void cut_top_p(Candidates& left, double share, double temperature) {
  auto& key = scratch().key;
  key.resize(left.size());
  for (size_t i = 0; i < left.size(); ++i) key[i] = -static_cast<double>(left.logit[i]);
  const double mass = share * sum(left.weight.data(), left.size());
  const Edge edge = find_edge(key, left.weight, temperature, mass);
  double before = edge.below;
  bool first = true;
  for (size_t i = 0; i < left.size(); ++i) {
    if (key[i] != edge.key) continue;
    if (!first && before >= mass) key[i] = HUGE_VAL;
    before += left.weight[i];
    first = false;
  }
  left.keep_if([&](size_t i) { return key[i] <= edge.key && key[i] < HUGE_VAL; });
}

// Locally typical sampling (Meister et al. 2022): keeps those whose surprise is nearest to the entropy, until `share`.
// The logarithm of the sum is in both surprise and entropy, so neither needs it.
void cut_typical(Candidates& left, double share, double temperature) {
  auto& key = scratch().key;
  key.resize(left.size());
  double total = 0, mean = 0;
  for (size_t i = 0; i < left.size(); ++i) {
    key[i] = (static_cast<double>(tame(left.logit[i])) - left.max) / temperature;
    total += left.weight[i];
    if (left.weight[i] > 0) mean += left.weight[i] * key[i];
  }
  mean /= total;
  for (double& k : key) k = std::fabs(k - mean);
  const Edge edge = find_edge(key, left.weight, 1, share * total);
  left.keep_if([&](size_t i) { return key[i] <= edge.key; });
}

// The first candidate, in order of ids, at which the cumulated weight passes `uniform` of the total.
int32_t draw(const Candidates& left, double uniform) {
  const double target = uniform * sum(left.weight.data(), left.size());
  double cumulative = 0;
  int32_t last = 0;
  for (size_t i = 0; i < left.size(); ++i) {
    cumulative += left.weight[i];
    if (left.weight[i] > 0) last = left.id[i];
    if (cumulative > target) break;
  }
  return last;
}

}  // namespace

struct Sampler::State {
  struct Seen {
    int32_t id;
    int32_t sampled;  // times; 0: only in the history
  };
  struct Saved {
    float* at;
    float logit;
  };

  SamplerOptions options;
  uint64_t random;                            // state of splitmix64
  std::vector<Seen> seen;                     // distinct ids in order of appearance
  std::unordered_map<int32_t, size_t> place;  // id -> index into `seen`
  std::vector<Saved> saved;

  void remember(int32_t id, int32_t sampled) {
    if (id < 0 || id >= options.vocab) return;  // such ids have no logit
    const auto [entry, fresh] = place.try_emplace(id, seen.size());
    if (fresh) seen.push_back({id, 0});
    seen[entry->second].sampled += sampled;
  }

  bool penalises() const {
    return options.repetition_penalty != 1 || options.frequency_penalty != 0 || options.presence_penalty != 0;
  }

  // Whether bias and penalties raise no logit.
  bool only_lowers() const {
    return options.repetition_penalty >= 1 && options.frequency_penalty >= 0 && options.presence_penalty >= 0 &&
           std::all_of(options.bias.begin(), options.bias.end(), [](const Bias& bias) { return bias.value <= 0; });
  }

  // How many logits bias and penalties change, when `ahead` more ids have been sampled; at most.
  int64_t touched(int32_t ahead) const {
    const auto biased = static_cast<int64_t>(options.bias.size());
    if (!penalises()) return biased;
    const bool history = options.repetition_penalty != 1;
    return biased + ahead +
           std::count_if(seen.begin(), seen.end(), [=](const Seen& one) { return history || one.sampled > 0; });
  }

  // Bias and penalties; what they overwrite is saved.
  void adjust(const Choices& all) {
    saved.clear();
    for (const Bias& bias : options.bias) {
      float* const logit = all.find(bias.id);
      if (!logit) continue;
      saved.push_back({logit, *logit});
      *logit += bias.value;
    }
    if (!penalises()) return;
    const float repetition = static_cast<float>(options.repetition_penalty);
    for (const Seen& one : seen) {
      float* const at = all.find(one.id);
      if (!at) continue;
      float& logit = *at;
      saved.push_back({at, logit});
      logit = logit < 0 ? logit * repetition : logit / repetition;
      if (one.sampled == 0) continue;
      const double penalty = one.sampled * options.frequency_penalty + options.presence_penalty;
      logit = static_cast<float>(logit - penalty);
    }
  }

  void restore() const {
    for (size_t i = saved.size(); i-- > 0;) *saved[i].at = saved[i].logit;
  }

  // splitmix64 (Steele, Lea, Flood 2014); the upper 53 bits as a double in [0, 1).
  double uniform() {
    random += 0x9e3779b97f4a7c15u;
    uint64_t z = random;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return static_cast<double>((z ^ (z >> 31)) >> 11) * 0x1.0p-53;
  }

  bool greedy() const { return options.temperature == 0 || options.top_k == 1; }

  int32_t pick(const Choices& all) {
    const SamplerOptions& o = options;
    const float* const x = all.logit;
    if (greedy()) {
      const int32_t best = argmax(x, all.count);
      return best < all.count && x[best] > -kInfinity ? all.id(best) : 0;
    }
    const double random_number = uniform();  // exactly one per draw, whatever is left
    const bool cut = o.top_k > 0 && o.top_k < o.vocab;
    const float limit = cut ? kth_largest(x, all.count, o.top_k, scratch().values) : -kLargest;
    Candidates& left = scratch().candidates;
    left.collect(all, limit, o.temperature);
    if (left.size() == 0) return 0;
    if (o.top_p < 1) cut_top_p(left, o.top_p, o.temperature);
    if (o.min_p > 0) left.keep_if([&](size_t i) { return left.weight[i] >= o.min_p; });
    if (o.typical_p < 1) cut_typical(left, o.typical_p, o.temperature);
    return draw(left, random_number);
  }

  int32_t choose(const Choices& all) {
    adjust(all);
    const int32_t id = pick(all);
    restore();
    if (penalises()) remember(id, 1);
    return id;
  }

  std::vector<TopLogprob> top(const float* x, double log_sum) const {
    const int count = std::min(options.logprobs, options.vocab);
    std::vector<TopLogprob> most;
    if (count <= 0) return most;
    const float limit = kth_largest(x, options.vocab, count, scratch().values);
    for (int32_t i = 0; i < options.vocab; ++i) {
      if (x[i] >= limit) most.push_back({i, x[i]});
    }
    std::stable_sort(most.begin(), most.end(), [](auto& a, auto& b) { return a.logprob > b.logprob; });
    if (most.size() > static_cast<size_t>(count)) most.resize(count);
    for (TopLogprob& one : most) one.logprob = logprob(one.logprob, log_sum);
    return most;
  }
};

Sampler::Sampler(SamplerOptions options) : state_(std::make_unique<State>()) {
  state_->random = options.seed;
  state_->options = std::move(options);
  for (int32_t id : state_->options.history) state_->remember(id, 0);
  state_->options.history = {};
}

Sampler::~Sampler() = default;

int32_t Sampler::vocab() const { return state_->options.vocab; }

Sampled Sampler::sample(float* logits) {
  State& state = *state_;
  const int32_t id = state.choose({logits, state.options.vocab});
  if (state.options.logprobs < 0) return {id, false, 0, {}};
  const double log_sum = log_sum_exp(logits, state.options.vocab);
  return {id, true, logprob(logits[id], log_sum), state.top(logits, log_sum)};
}

// Where bias and penalties only lower `touched` logits, at least `kept` of the `kept + touched` largest stay as they
// were, and nothing from below comes above those.
int32_t Sampler::needs(int32_t ahead) const {
  const State& state = *state_;
  const SamplerOptions& o = state.options;
  const int64_t kept = state.greedy() ? 1 : o.top_k;
  if (kept == 0 || o.logprobs >= 0 || !state.only_lowers()) return 0;
  const int64_t all = kept + state.touched(ahead);
  return all <= kMostNeeded ? static_cast<int32_t>(all) : 0;
}

Sampled Sampler::sample_top(float* logits, const int32_t* ids, int32_t count) {
  return {state_->choose({logits, count, ids}), false, 0, {}};
}

}  // namespace deadlift

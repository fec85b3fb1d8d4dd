// Samples a token id from one row of logits: penalties, temperature, cuts, draw (see sample.cc).

#pragma once

#include <cstdint>
#include <memory>
#include <vector>

namespace deadlift {

struct TopLogprob {
  int32_t id;
  float logprob;
};

struct Sampled {
  int32_t id = -1;  // -1: nothing was sampled
  bool has_logprob = false;
  float logprob = 0;            // of `id`, natural log, under the raw logits
  std::vector<TopLogprob> top;  // most probable first; lowest id first among equals
};

struct Bias {
  int32_t id;
  float value;  // added to the logit; -infinity forbids the id
};

// Values are validated by src/sampling.ts.
struct SamplerOptions {
  int32_t vocab = 0;
  double temperature = 0;         // 0: greedy
  int32_t top_k = 0;              // 0: off
  double top_p = 1;               // 1: off
  double min_p = 0;               // 0: off
  double typical_p = 1;           // 1: off
  double repetition_penalty = 1;  // 1: off; over history and sampled ids
  double frequency_penalty = 0;   // 0: off; over sampled ids only
  double presence_penalty = 0;    // 0: off; over sampled ids only
  std::vector<Bias> bias;
  uint64_t seed = 0;
  int32_t logprobs = -1;  // alternatives to report, -1: no log-probabilities
  std::vector<int32_t> history;
};

// One sequence's sampler: remembers what it sampled and where its random numbers are.
// Not thread-safe; one step at a time.
class Sampler : public std::enable_shared_from_this<Sampler> {
 public:
  explicit Sampler(SamplerOptions options);
  ~Sampler();
  Sampler(const Sampler&) = delete;
  Sampler& operator=(const Sampler&) = delete;

  // logits // (vocab), written to but left as they were. Never fails: NaN counts as -infinity, and where no id
  // is above -infinity the result is id 0.
  Sampled sample(float* logits);

  // How many of a row's largest logits are enough to sample what the whole row gives, once `ahead` more ids have been
  // sampled; 0: the whole row is. At most kMostNeeded.
  int32_t needs(int32_t ahead) const;
  static constexpr int32_t kMostNeeded = 1024;

  // As sample(), from part of a row: logits // (count) of `ids`, which ascend. Among them are all ids whose logits are
  // at least the needs(0)-th largest of the row, but for those of -infinity and NaN.
  Sampled sample_top(float* logits, const int32_t* ids, int32_t count);

  int32_t vocab() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace deadlift

// Negative log-likelihood and Kullback-Leibler divergence over one row of logits, in doubles.

#include "native/score.h"

#include "native/softmax.h"

namespace deadlift {
namespace {

// Sum over the vocabulary of p * (log p - log q); an id that base rules out adds nothing.
double divergence(const float* logits, const float* base, int vocab, double log_sum, double base_log_sum) {
  double total = 0;
  for (int i = 0; i < vocab; ++i) {
    const double log_p = tame(base[i]) - base_log_sum;
    const double p = exp_negative(log_p < 0 ? log_p : 0);
    if (p > 0) total += p * (log_p - (tame(logits[i]) - log_sum));
  }
  return total;
}

}  // namespace

Score score(const float* logits, int vocab, int32_t target, const float* base) {
  const double log_sum = log_sum_exp(logits, vocab);
  Score score{log_sum - tame(logits[target]), base != nullptr, 0, false};
  if (!base) return score;
  score.divergence = divergence(logits, base, vocab, log_sum, log_sum_exp(base, vocab));
  score.same_top = argmax(logits, vocab) == argmax(base, vocab);
  return score;
}

}  // namespace deadlift

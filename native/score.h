// How well one row of logits foretold what came: for perplexity and for comparing two models.

#pragma once

#include <cstdint>

namespace deadlift {

struct Score {
  double nll;         // -log p(target), natural; infinity where the model rules the target out
  bool has_base;      // the rest is told
  double divergence;  // KL(base || row), natural
  bool same_top;      // both rows have the same most probable id
};

// logits, base // (vocab); `base` may be null.
Score score(const float* logits, int vocab, int32_t target, const float* base);

}  // namespace deadlift

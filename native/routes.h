// Which tokens go to which experts: the routes of a step, expert by expert.

#pragma once

#include <cstdint>
#include <vector>

#include "native/memory.h"
#include "native/pool.h"
#include "native/rows.h"

namespace deadlift {

// Each token has `used` routes, one to each expert chosen for it. Those to one expert are put beside each other, in the
// order of tokens: its matrices are then read once for all of them.
class Routes {
 public:
  // Memory for rows of so many floats, taken as it is used. Throws std::bad_alloc.
  void reserve(int64_t routes, int columns);

  // chosen // (tokens, used): numbers below `experts`.
  void sort(Rows chosen, int tokens, int used, int experts);
  int count(int expert) const { return starts_[expert + 1] - starts_[expert]; }

  // What the routes read: their token's row of x, or with `apart` the part of it that is the route's own.
  void gather(Pool& pool, Rows x, int columns, bool apart);
  Rows gathered(int expert) const;

  // Where the routes write: each has `width` floats of its token's row of out.
  void scatter(Rows out, int width);
  Rows scattered(int expert) const { return {out_, 0, places_.data() + starts_[expert]}; }

 private:
  int tokens_ = 0, used_ = 0;
  std::vector<int> starts_;  // (experts + 1) first route of each
  std::vector<int> order_;   // (routes) token * used + which of its choices
  std::vector<int> next_;    // (experts) while they are put in order

  LazyMemory copies_;  // (routes, columns)
  Rows x_;             // the copies; of a step of one token its row, parts `stride` apart
  float* out_ = nullptr;
  std::vector<int64_t> places_;  // (routes) in out
};

}  // namespace deadlift

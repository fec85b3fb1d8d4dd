// Sorts routes by expert, and brings together what each expert reads.

#include "native/routes.h"

#include <algorithm>
#include <cassert>
#include <cstring>

namespace deadlift {
namespace {

// Floats that are worth waking another thread for copying them.
constexpr int64_t kParallelFloats = 64 * 1024;

}  // namespace

void Routes::reserve(int64_t routes, int columns) {
  copies_ = LazyMemory(static_cast<size_t>(routes * padded(columns)) * sizeof(float));
}

void Routes::sort(Rows chosen, int tokens, int used, int experts) {
  tokens_ = tokens, used_ = used;
  starts_.assign(experts + 1, 0);
  const auto expert = [&](int route) { return static_cast<int>(chosen.row(route / used)[route % used]); };
  const int routes = tokens * used;
  for (int route = 0; route < routes; route++) {
    assert(expert(route) >= 0 && expert(route) < experts);
    starts_[expert(route) + 1]++;
  }
  for (int e = 0; e < experts; e++) starts_[e + 1] += starts_[e];
  next_.assign(starts_.begin(), starts_.end() - 1);
  order_.resize(routes);
  for (int route = 0; route < routes; route++) order_[next_[expert(route)]++] = route;
}

void Routes::gather(Pool& pool, Rows x, int columns, bool apart) {
  const int64_t part = apart ? columns : 0;
  if (tokens_ == 1) {
    x_ = {x.data, part};
    return;
  }
  x_ = {copies_.as<float>(), padded(columns)};
  const int routes = tokens_ * used_;
  const int at_once = static_cast<int>(std::max<int64_t>(1, kParallelFloats / columns));
  pool.each((routes + at_once - 1) / at_once, [&](int chunk, int) {
    for (int i = chunk * at_once; i < std::min(routes, (chunk + 1) * at_once); i++) {
      const float* from = x.row(order_[i] / used_) + order_[i] % used_ * part;
      std::memcpy(x_.row(i), from, sizeof(float) * static_cast<size_t>(columns));
    }
  });
}

Rows Routes::gathered(int expert) const {
  const int first = starts_[expert];
  // Alone, a route reads where its token is: the number of its choice says which part.
  return {x_.row(tokens_ == 1 ? order_[first] : first), x_.stride};
}

void Routes::scatter(Rows out, int width) {
  out_ = out.data;
  places_.resize(order_.size());
  for (size_t i = 0; i < order_.size(); i++) {
    places_[i] = order_[i] / used_ * out.stride + int64_t{order_[i] % used_} * width;
  }
}

}  // namespace deadlift

// Probabilities of one row of logits, the same bits on every machine: largest value, e^x, log of the sum.

#pragma once

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>

namespace deadlift {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kLargest = std::numeric_limits<float>::max();
constexpr int kLanes = 16;   // independent maxima, so that the compiler can use SIMD without reordering
constexpr int kBlock = 128;  // logits whose maximum is looked at before each of them is

// Largest of n values (n a multiple of kLanes); NaN is skipped.
inline float block_max(const float* x, int n) {
  float lane[kLanes];
  for (int j = 0; j < kLanes; ++j) lane[j] = -kInfinity;
  for (int i = 0; i < n; i += kLanes) {
    for (int j = 0; j < kLanes; ++j) lane[j] = x[i + j] > lane[j] ? x[i + j] : lane[j];
  }
  float best = lane[0];
  for (int j = 1; j < kLanes; ++j) best = lane[j] > best ? lane[j] : best;
  return best;
}

// Calls visit(begin, end) for every block in which some value is at least limit() at that time.
template <class Limit, class Visit>
inline void each_block(const float* x, int n, Limit limit, Visit visit) {
  int i = 0;
  for (; i + kBlock <= n; i += kBlock) {
    if (block_max(x + i, kBlock) >= limit()) visit(i, i + kBlock);
  }
  if (i < n) visit(i, n);
}

// Lowest id of the largest value; 0 where all are -infinity or NaN.
inline int32_t argmax(const float* x, int n) {
  float best = -kInfinity;
  int32_t id = 0;
  auto limit = [&] { return best; };
  each_block(x, n, limit, [&](int begin, int end) {
    for (int i = begin; i < end; ++i) {
      if (x[i] > best) best = x[i], id = i;
    }
  });
  return id;
}

// e^t for t <= 0, within 1 ulp or two; 0 below -708.8 and for NaN. Cody-Waite reduction, Taylor to degree 12 (relative
// error below 2e-16 for |r| <= ln 2 / 2). No branches, so that loops over it use SIMD.
inline double exp_negative(double t) {
  constexpr double kRound = 6755399441055744.0;  // 1.5 * 2^52: adding it leaves the nearest integer in the low bits
  t = t > -709.0 ? t : -709.0;                   // there k is -1023, whose 2^k is 0 below
  const double shifted = t * 1.4426950408889634 + kRound;
  const double k = shifted - kRound;
  const double r = (t - k * 0.693147180369123816490) - k * 1.90821492927058770002e-10;
  double p = 1.0 / 479001600.0;
  p = p * r + 1.0 / 39916800.0;
  p = p * r + 1.0 / 3628800.0;
  p = p * r + 1.0 / 362880.0;
  p = p * r + 1.0 / 40320.0;
  p = p * r + 1.0 / 5040.0;
  p = p * r + 1.0 / 720.0;
  p = p * r + 1.0 / 120.0;
  p = p * r + 1.0 / 24.0;
  p = p * r + 1.0 / 6.0;
  p = p * r + 0.5;
  p = p * r + 1.0;
  p = p * r + 1.0;
  const uint64_t bits = (std::bit_cast<uint64_t>(shifted) + 1023) << 52;  // its upper bits leave on the left
  return p * std::bit_cast<double>(bits);                                 // p * 2^k
}

// A logit of +infinity counts as the largest float, NaN as -infinity.
inline float tame(float x) {
  const float number = x > -kInfinity ? x : -kInfinity;
  return number < kLargest ? number : kLargest;
}

// w[i] = e^((x[i] - max) / temperature)
inline void weigh(const float* x, size_t n, double max, double temperature, double* w) {
  for (size_t i = 0; i < n; ++i) w[i] = exp_negative((static_cast<double>(tame(x[i])) - max) / temperature);
}

// log(sum(e^x)) of a row; -infinity where nothing is above -infinity.
inline double log_sum_exp(const float* x, int n) {
  constexpr int kChunk = 512;
  const float top = x[argmax(x, n)];
  if (!(top > -kInfinity)) return -HUGE_VAL;
  const double max = tame(top);
  double w[kChunk], total = 0;
  for (int i = 0; i < n; i += kChunk) {
    const int count = std::min(kChunk, n - i);
    weigh(x + i, count, max, 1, w);
    for (int j = 0; j < count; ++j) total += w[j];
  }
  return max + std::log(total);
}

inline float logprob(float x, double log_sum) {
  if (!(x > -kInfinity)) return -kInfinity;  // also where log_sum is
  return static_cast<float>(tame(x) - log_sum);
}

}  // namespace
}  // namespace deadlift

// short_conv: a causal convolution of each channel with a few taps of its own. Its state: the last taps - 1 inputs.

#include "kernels/cpu/kernels.h"

namespace deadlift::DEADLIFT_ISA {
namespace {

// What came in at a token; those before the first one are in the state, and before the sequence there is nothing.
inline vec conv_input(const ShortConv& conv, int token, int channel, int n) {
  if (token >= 0) return load_part(conv.x + token * conv.x_stride + channel, n);
  if (!conv.from) return zero();
  return load_part(conv.from + int64_t{token + conv.taps - 1} * conv.channels + channel, n);
}

inline void short_conv(const ShortConv& conv, int first, int count) {
  const int before = conv.taps - 1;
  for (int c = first; c < first + count; c += lanes) {
    const int n = first + count - c < lanes ? first + count - c : lanes;
    const vec bias = conv.bias ? load_part(conv.bias + c, n) : zero();
    for (int t = 0; t < conv.tokens; ++t) {
      vec total = bias;
      for (int i = 0; i < conv.taps; ++i) {
        const vec weight = load_part(conv.weight + int64_t{i} * conv.channels + c, n);
        total = fma(weight, conv_input(conv, t - before + i, c, n), total);
      }
      store_part(conv.out + t * conv.out_stride + c, total, n);
    }
    if (!conv.to) continue;
    // In this order the state may be written over itself.
    for (int i = 0; i < before; ++i) {
      store_part(conv.to + int64_t{i} * conv.channels + c, conv_input(conv, conv.tokens - before + i, c, n), n);
    }
  }
}

}  // namespace
}  // namespace deadlift::DEADLIFT_ISA

// rope: turns pairs of values of each head; the compiler makes SIMD of these loops.

namespace deadlift::DEADLIFT_ISA {
namespace {

inline void rope_head(float* out, const float* x, const float* cosines, const float* sines, int pairs, int step,
                      int apart) {
  for (int i = 0; i < pairs; ++i) {
    const float a = x[step * i], b = x[step * i + apart];
    out[step * i] = a * cosines[i] - b * sines[i];
    out[step * i + apart] = b * cosines[i] + a * sines[i];
  }
}

inline void rope(float* out, const float* x, const float* cosines, const float* sines, int pairs, bool half, int heads,
                 int head_dim) {
  for (int h = 0; h < heads; ++h, x += head_dim, out += head_dim) {
    // Calls with constants, so that each layout becomes its own loop.
    if (half) rope_head(out, x, cosines, sines, pairs, 1, pairs);
    if (!half) rope_head(out, x, cosines, sines, pairs, 2, 1);
    for (int i = 2 * pairs; i < head_dim; ++i) out[i] = x[i];
  }
}

}  // namespace
}  // namespace deadlift::DEADLIFT_ISA

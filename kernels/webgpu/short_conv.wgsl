// short_conv: a thread for each channel of each token; then, where spans are longer than the one token, one for each
// channel of each span that keeps its last inputs: until all have read the state, nobody may write it.
// uses: step, rows

struct Params {
  width: u32,
  taps: u32,
  weight: u32, // (channels, taps)
  bias: u32,
  keeps: u32, // 1: the second dispatch
}
@group(0) @binding(1) var<uniform> params: Params;
@group(0) @binding(2) var<storage, read> x: array<f32>;
@group(0) @binding(3) var<storage, read> vectors: array<f32>;
@group(0) @binding(4) var<storage, read_write> state: array<f32>; // (slots, taps - 1, channels)
@group(0) @binding(5) var<storage, read_write> out: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
  if (params.keeps == 1u) {
    if (id.x < params.width && id.y < span_count() && span_tokens(id.y) > 1u) { keep(id.y, id.x); }
    return;
  }
  let row_stride = stride(params.width);
  if (id.y >= token_count() || id.x >= row_stride) { return; }
  var sum = 0.0;
  if (id.x < params.width) {
    let s = token_span(id.y);
    sum = convolve(s, id.y - span_start(s), id.x);
    if (span_tokens(s) == 1u) { keep(s, id.x); }
  }
  out[id.y * row_stride + id.x] = sum;
}

// The sum at token `at` of span `s`.
fn convolve(s: u32, at: u32, channel: u32) -> f32 {
  var sum = 0.0;
  for (var i = 0u; i < params.taps; i++) {
    sum += vectors[params.weight + channel * params.taps + i] * seen(s, at + i, channel);
  }
  if (params.bias != NONE) { sum += vectors[params.bias + channel]; }
  return sum;
}

// Inputs of the state, then of the span.
fn seen(s: u32, at: u32, channel: u32) -> f32 {
  let kept = params.taps - 1u;
  if (at >= kept) { return x[(span_start(s) + at - kept) * stride(params.width) + channel]; }
  let slot = span_state_from(s);
  if (slot == NONE) { return 0.0; }
  return state[(slot * kept + at) * params.width + channel];
}

// The last inputs, the oldest first: what is read of the same slot is always newer than what is written.
fn keep(s: u32, channel: u32) {
  let slot = span_state_to(s);
  if (slot == NONE) { return; }
  let kept = params.taps - 1u;
  for (var i = 0u; i < kept; i++) {
    state[(slot * kept + i) * params.width + channel] = seen(s, span_tokens(s) + i, channel);
  }
}

// delta, first: what remains of a state and how much is written of a token, e^(step * rate) and beta. A thread for each
// head of each token.
// uses: step, rows

struct Params {
  heads: u32,
  rates: u32,
  log_rates: u32,
}
@group(0) @binding(1) var<uniform> params: Params;
@group(0) @binding(2) var<storage, read> forward: array<f32>;
@group(0) @binding(3) var<storage, read> beta: array<f32>;
@group(0) @binding(4) var<storage, read> vectors: array<f32>;
@group(0) @binding(5) var<storage, read_write> gates: array<vec2f>; // (tokens, heads)

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
  if (id.x >= params.heads || id.y >= token_count()) { return; }
  var rate = vectors[params.rates + id.x];
  if (params.log_rates == 1u) { rate = -exp(rate); }
  let place = id.y * stride(params.heads) + id.x;
  gates[id.y * params.heads + id.x] = vec2f(exp(forward[place] * rate), beta[place]);
}

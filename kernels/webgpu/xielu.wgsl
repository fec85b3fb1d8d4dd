// xielu: a thread for each value.
// uses: rows, softplus

struct Params { width: u32, p: u32, n: u32 }
@group(0) @binding(1) var<uniform> params: Params;
@group(0) @binding(2) var<storage, read> x: array<f32>;
@group(0) @binding(3) var<storage, read> vectors: array<f32>;
@group(0) @binding(4) var<storage, read_write> out: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let place = id.y * stride(params.width) + id.x;
  if (id.x >= stride(params.width)) { return; }
  let value = x[place];
  let low = min(value, 0.0);
  let high = max(value, 0.0);
  let p = softplus(vectors[params.p]);
  let n = 0.5 + softplus(vectors[params.n]);
  let curve = p * high * high + n * (exp(low) - 1.0 - low);
  out[place] = select(0.0, curve + 0.5 * value, id.x < params.width);
}

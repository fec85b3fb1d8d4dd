// softplus: a thread for each value.
// uses: step, rows, vectors, softplus

struct Params { width: u32, bias: u32, least: f32, most: f32 }
@group(0) @binding(1) var<uniform> params: Params;
@group(0) @binding(2) var<storage, read> x: array<f32>;
@group(0) @binding(3) var<storage, read> vectors: array<f32>;
@group(0) @binding(4) var<storage, read_write> out: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let place = id.y * stride(params.width) + id.x;
  if (id.x >= stride(params.width)) { return; }
  var value = 0.0;
  if (id.x < params.width) {
    value = clamp(softplus(x[place] + vector_at(params.bias, id.x, 0.0)), params.least, params.most);
  }
  out[place] = value;
}

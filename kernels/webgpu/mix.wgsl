// mix: a thread for each value.
// uses: rows

struct Params { width: u32, chosen: u32 }
@group(0) @binding(1) var<uniform> params: Params;
@group(0) @binding(2) var<storage, read> x: array<f32>;
@group(0) @binding(3) var<storage, read> weights: array<f32>;
@group(0) @binding(4) var<storage, read_write> out: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
  if (id.x >= stride(params.width)) { return; }
  var sum = 0.0;
  if (id.x < params.width) {
    let row = id.y * stride(params.chosen * params.width) + id.x;
    for (var i = 0u; i < params.chosen; i++) {
      sum += weights[id.y * stride(params.chosen) + i] * x[row + i * params.width];
    }
  }
  out[id.y * stride(params.width) + id.x] = sum;
}

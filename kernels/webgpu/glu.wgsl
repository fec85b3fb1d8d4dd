// glu: a thread for each value.
// uses: rows, activations

struct Params { width: u32, activation: u32 }
@group(0) @binding(1) var<uniform> params: Params;
@group(0) @binding(2) var<storage, read> a: array<f32>;
@group(0) @binding(3) var<storage, read> b: array<f32>;
@group(0) @binding(4) var<storage, read_write> out: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let place = id.y * stride(params.width) + id.x;
  if (id.x >= stride(params.width)) { return; }
  out[place] = select(0.0, gate(params.activation, a[place], b[place]), id.x < params.width);
}

// clamp: a thread for each value. Of NaN no comparison holds, and it passes.
// uses: rows

struct Params { width: u32, cap: f32 }
@group(0) @binding(1) var<uniform> params: Params;
@group(0) @binding(2) var<storage, read> x: array<f32>;
@group(0) @binding(3) var<storage, read_write> out: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let place = id.y * stride(params.width) + id.x;
  if (id.x >= stride(params.width)) { return; }
  let value = x[place];
  let above = select(value, -params.cap, value < -params.cap);
  out[place] = select(0.0, select(above, params.cap, above > params.cap), id.x < params.width);
}

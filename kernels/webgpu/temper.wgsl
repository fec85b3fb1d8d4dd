// temper: a thread for each value; the factor grows with the position of the token.
// uses: step, rows

struct Params { width: u32, length: u32, scale: f32 }
@group(0) @binding(1) var<uniform> params: Params;
@group(0) @binding(2) var<storage, read> x: array<f32>;
@group(0) @binding(3) var<storage, read_write> out: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let place = id.y * stride(params.width) + id.x;
  if (id.x >= stride(params.width)) { return; }
  let factor = 1.0 + params.scale * log(1.0 + f32(token_position(id.y) / params.length));
  out[place] = select(0.0, x[place] * factor, id.x < params.width);
}

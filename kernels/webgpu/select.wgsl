// select: the rows whose output is wanted. A thread for each float.
// uses: step, rows

struct Params { width: u32 }
@group(0) @binding(1) var<uniform> params: Params;
@group(0) @binding(2) var<storage, read> x: array<f32>;
@group(0) @binding(3) var<storage, read_write> out: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let row_stride = stride(params.width);
  if (id.x >= row_stride || id.y >= output_count()) { return; }
  let value = x[output_token(id.y) * row_stride + id.x];
  out[id.y * row_stride + id.x] = select(0.0, value, id.x < params.width);
}

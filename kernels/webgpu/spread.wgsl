// Parts of a row of x that do not end at a multiple of 32 values, each as a row of its own, filled up with zeros: what
// products of stacks read. A thread for each value.
// uses: step, rows

struct Params {
  columns: u32,
  parts: u32,
  rows: u32,
}
@group(0) @binding(1) var<uniform> params: Params;
@group(0) @binding(2) var<storage, read> x: array<f32>; // (parts * columns)
@group(0) @binding(3) var<storage, read_write> out: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let part_stride = stride(params.columns);
  if (id.x >= params.parts * part_stride || id.y >= row_count(params.rows)) { return; }
  let column = id.x % part_stride;
  var value = 0.0;
  if (column < params.columns) {
    value = x[id.y * stride(params.parts * params.columns) + id.x / part_stride * params.columns + column];
  }
  out[id.y * params.parts * part_stride + id.x] = value;
}

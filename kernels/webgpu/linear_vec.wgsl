// linear of few tokens: a thread for each row, no barrier.
// uses: step, rows, quant

struct Params {
  planes: vec4u,
  groups: u32,
  firstRow: u32,
  partRows: u32,
  cover: u32,
  columns: u32,
  width: u32,
  bias: u32,
  rows: u32,
}
@group(0) @binding(1) var<uniform> params: Params;
@group(0) @binding(2) var<storage, read> weight: array<vec4u>;
@group(0) @binding(3) var<storage, read> x: array<vec4f>;
@group(0) @binding(4) var<storage, read> vectors: array<f32>;
@group(0) @binding(5) var<storage, read_write> out: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) id: vec3u, @builtin(local_invocation_index) thread: u32) {
  let row = (id.x + id.y * 32768u) * 64u + thread;
  let t = id.z;
  if (t >= row_count(params.rows) || row >= params.cover) { return; }
  let r = params.firstRow + row;
  if (row >= params.partRows) {
    out[t * stride(params.width) + r] = 0.0;
    return;
  }
  var sum = 0.0;
  let start = t * stride(params.columns) / 4u;
  for (var g = 0u; g < params.groups; g++) {
    let values = decode(&weight, params.planes, row * params.groups + g);
    for (var i = 0u; i < GROUP / 4u; i++) { sum += dot(values[i], x[start + g * (GROUP / 4u) + i]); }
  }
  if (params.bias != NONE) { sum += vectors[params.bias + r]; }
  out[t * stride(params.width) + r] = sum;
}

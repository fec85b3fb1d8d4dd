// row_scores, once: the table's rows times the weight. A thread for each row of the table and of the weight.
// uses: step, rows, quant

struct Params {
  planes: vec4u,
  groups: u32,
  firstRow: u32,
  partRows: u32,
  height: u32,
  columns: u32,
  headDim: u32,
  bias: u32,
}
@group(0) @binding(1) var<uniform> params: Params;
@group(0) @binding(2) var<storage, read> weight: array<vec4u>;
@group(0) @binding(3) var<storage, read> x: array<vec4f>; // (height, columns)
@group(0) @binding(4) var<storage, read> vectors: array<f32>;
// (heads, fours of a head, height, 4): so neighbours in row_scores read what lies side by side.
@group(0) @binding(5) var<storage, read_write> out: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let n = id.y;
  if (id.x >= params.partRows) { return; }
  let r = params.firstRow + id.x;
  var sum = 0.0;
  let start = n * stride(params.columns) / 4u;
  for (var g = 0u; g < params.groups; g++) {
    let values = decode(&weight, params.planes, id.x * params.groups + g);
    for (var i = 0u; i < GROUP / 4u; i++) { sum += dot(values[i], x[start + g * (GROUP / 4u) + i]); }
  }
  if (params.bias != NONE) { sum += vectors[params.bias + r]; }
  let d = r % params.headDim;
  let fours = (params.headDim + 3u) / 4u;
  out[4u * ((r / params.headDim * fours + d / 4u) * params.height + n) + d % 4u] = sum;
}

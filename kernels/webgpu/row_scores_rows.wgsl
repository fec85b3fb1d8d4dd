// row_scores, once: the rows of the table, normed where there is a norm. A thread for each.
// uses: step, rows

struct Params { table: u32, height: u32, columns: u32, norm: u32, normBias: u32, epsilon: f32 }
@group(0) @binding(1) var<uniform> params: Params;
@group(0) @binding(2) var<storage, read> vectors: array<f32>;
@group(0) @binding(3) var<storage, read_write> out: array<f32>;

@compute @workgroup_size(8)
fn main(@builtin(global_invocation_id) id: vec3u) {
  if (id.x >= params.height) { return; }
  let start = params.table + id.x * params.columns;
  let row = id.x * stride(params.columns);
  var sum = 0.0;
  for (var c = 0u; c < params.columns; c++) { sum += vectors[start + c]; }
  let mean = sum / f32(params.columns);
  var squares = 0.0;
  for (var c = 0u; c < params.columns; c++) { squares += (vectors[start + c] - mean) * (vectors[start + c] - mean); }
  let scale = 1.0 / sqrt(squares / f32(params.columns) + params.epsilon);
  for (var c = 0u; c < params.columns; c++) {
    var value = vectors[start + c];
    if (params.norm != NONE) { value = (value - mean) * scale * vectors[params.norm + c]; }
    if (params.normBias != NONE) { value += vectors[params.normBias + c]; }
    out[row + c] = value;
  }
}

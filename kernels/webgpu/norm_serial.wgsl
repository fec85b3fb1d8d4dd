// norm: a thread for each group of each row, for adapters that are slow at barriers.
// uses: step, rows

struct Params { width: u32, group: u32, epsilon: f32, offset: f32, weight: u32, weights: u32, rows: u32 }
@group(0) @binding(1) var<uniform> params: Params;
@group(0) @binding(2) var<storage, read> x: array<f32>;
@group(0) @binding(3) var<storage, read> vectors: array<f32>;
@group(0) @binding(4) var<storage, read_write> out: array<f32>;

@compute @workgroup_size(1)
fn main(@builtin(workgroup_id) id: vec3u) {
  let start = id.y * stride(params.width) + id.x * params.group;
  var squares = 0.0;
  for (var i = 0u; i < params.group; i++) { squares += x[start + i] * x[start + i]; }
  let scale = 1.0 / sqrt(squares / f32(params.group) + params.epsilon);
  for (var i = 0u; i < params.group; i++) {
    let place = id.x * params.group + i;
    var weight = 1.0;
    if (params.weight != NONE) { weight = vectors[params.weight + place % params.weights] + params.offset; }
    out[start + i] = x[start + i] * scale * weight;
  }
  if ((id.x + 1u) * params.group == params.width) {
    let end = stride(params.width);
    for (var i = params.width; i < end; i++) { out[id.y * end + i] = 0.0; }
  }
}

// norm: a workgroup for each group of each row.
// uses: step, rows, reduce

struct Params { width: u32, group: u32, epsilon: f32, offset: f32, weight: u32, weights: u32, rows: u32 }
@group(0) @binding(1) var<uniform> params: Params;
@group(0) @binding(2) var<storage, read> x: array<f32>;
@group(0) @binding(3) var<storage, read> vectors: array<f32>;
@group(0) @binding(4) var<storage, read_write> out: array<f32>;

const WG = 64u;

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) id: vec3u, @builtin(local_invocation_index) thread: u32) {
  let start = id.y * stride(params.width) + id.x * params.group;
  var squares = 0.0;
  for (var i = thread; i < params.group; i += WG) { squares += x[start + i] * x[start + i]; }
  let scale = 1.0 / sqrt(sum_of_all(squares, thread) / f32(params.group) + params.epsilon);
  for (var i = thread; i < params.group; i += WG) {
    let place = id.x * params.group + i;
    var weight = 1.0;
    if (params.weight != NONE) { weight = vectors[params.weight + place % params.weights] + params.offset; }
    out[start + i] = x[start + i] * scale * weight;
  }
  // The last group fills the row up.
  if (place_after(id.x) == params.width) { fill_up(id.y, thread); }
}

fn place_after(group: u32) -> u32 { return (group + 1u) * params.group; }

fn fill_up(row: u32, thread: u32) {
  let end = stride(params.width);
  for (var i = params.width + thread; i < end; i += WG) { out[row * end + i] = 0.0; }
}

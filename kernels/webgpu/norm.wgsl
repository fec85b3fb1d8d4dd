// norm: a team for each group of each row.
// uses: step, rows, vectors, team

struct Params { width: u32, group: u32, epsilon: f32, offset: f32, weight: u32, weights: u32 }
@group(0) @binding(1) var<uniform> params: Params;
@group(0) @binding(2) var<storage, read> x: array<f32>;
@group(0) @binding(3) var<storage, read> vectors: array<f32>;
@group(0) @binding(4) var<storage, read_write> out: array<f32>;

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) id: vec3u, @builtin(local_invocation_index) thread: u32) {
  let row = id.y * stride(params.width);
  let first = id.x * params.group + thread;
  let end = (id.x + 1u) * params.group;
  var squares = 0.0;
  for (var i = first; i < end; i += WG) { squares += x[row + i] * x[row + i]; }
  let scale = 1.0 / sqrt(sum_of_all(squares, thread) / f32(params.group) + params.epsilon);
  for (var i = first; i < end; i += WG) {
    let weight = vector_at(params.weight, i % params.weights, 1.0) + params.offset;
    out[row + i] = x[row + i] * scale * weight;
  }
  // The last group fills the row up.
  if (end < params.width) { return; }
  for (var i = end + thread; i < stride(params.width); i += WG) { out[row + i] = 0.0; }
}

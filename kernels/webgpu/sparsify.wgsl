// sparsify: a team for each row.
// uses: rows, team

struct Params { width: u32, factor: f32 }
@group(0) @binding(1) var<uniform> params: Params;
@group(0) @binding(2) var<storage, read> x: array<f32>;
@group(0) @binding(3) var<storage, read_write> out: array<f32>;

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) id: vec3u, @builtin(local_invocation_index) thread: u32) {
  let row = id.y * stride(params.width);
  var sum = 0.0;
  for (var i = thread; i < params.width; i += WG) { sum += x[row + i]; }
  let mean = sum_of_all(sum, thread) / f32(params.width);
  var squares = 0.0;
  for (var i = thread; i < params.width; i += WG) { squares += (x[row + i] - mean) * (x[row + i] - mean); }
  let cutoff = mean + params.factor * sqrt(sum_of_all(squares, thread) / f32(params.width));
  for (var i = thread; i < stride(params.width); i += WG) {
    out[row + i] = select(0.0, max(x[row + i] - cutoff, 0.0), i < params.width);
  }
}

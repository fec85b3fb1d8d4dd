// softmax: a team for each row. The largest value is taken off first, so that nothing overflows.
// uses: rows, team

struct Params { width: u32 }
@group(0) @binding(1) var<uniform> params: Params;
@group(0) @binding(2) var<storage, read> x: array<f32>;
@group(0) @binding(3) var<storage, read_write> out: array<f32>;

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) id: vec3u, @builtin(local_invocation_index) thread: u32) {
  let row = id.y * stride(params.width);
  var most = -3.4e38;
  for (var i = thread; i < params.width; i += WG) { most = max(most, x[row + i]); }
  most = most_of_all(most, thread);
  var sum = 0.0;
  for (var i = thread; i < params.width; i += WG) {
    // e^-200 is 0.
    let power = exp(max(x[row + i] - most, -200.0));
    out[row + i] = power;
    sum += power;
  }
  sum = sum_of_all(sum, thread);
  for (var i = thread; i < stride(params.width); i += WG) {
    out[row + i] = select(0.0, out[row + i] / sum, i < params.width);
  }
}

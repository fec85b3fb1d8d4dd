// add_norm: the sum of two rows, and its norm or layer_norm as a whole. A team for each row.
// uses: step, rows, vectors, team

struct Params { width: u32, centred: u32, epsilon: f32, offset: f32, weight: u32, bias: u32 }
@group(0) @binding(1) var<uniform> params: Params;
@group(0) @binding(2) var<storage, read> a: array<vec4f>;
@group(0) @binding(3) var<storage, read> b: array<vec4f>;
@group(0) @binding(4) var<storage, read> vectors: array<f32>;
@group(0) @binding(5) var<storage, read_write> sums: array<vec4f>;
@group(0) @binding(6) var<storage, read_write> out: array<vec4f>;

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) id: vec3u, @builtin(local_invocation_index) thread: u32) {
  let quads = stride(params.width) / 4u;
  let row = id.y * quads;
  // Zeros fill both rows up, and so their sum.
  var total = 0.0;
  var squares = 0.0;
  for (var i = thread; i < quads; i += WG) {
    let sum = a[row + i] + b[row + i];
    sums[row + i] = sum;
    total += dot(sum, vec4f(1.0));
    squares += dot(sum, sum);
  }
  var mean = 0.0;
  if (params.centred == 1u) {
    mean = sum_of_all(total, thread) / f32(params.width);
    squares = 0.0;
    for (var i = thread; i < quads; i += WG) {
      let apart = select(vec4f(0.0), sums[row + i] - mean, places(i) < vec4u(params.width));
      squares += dot(apart, apart);
    }
  }
  let scale = 1.0 / sqrt(sum_of_all(squares, thread) / f32(params.width) + params.epsilon);
  for (var i = thread; i < quads; i += WG) {
    let value = (sums[row + i] - mean) * scale * weights_at(places(i)) + biases_at(places(i));
    out[row + i] = select(vec4f(0.0), value, places(i) < vec4u(params.width));
  }
}

fn places(quad: u32) -> vec4u { return 4u * quad + vec4u(0u, 1u, 2u, 3u); }

fn weights_at(i: vec4u) -> vec4f { return four_of(params.weight, i, 1.0) + params.offset; }
fn biases_at(i: vec4u) -> vec4f { return four_of(params.bias, i, 0.0); }

// The last value stands for those after it.
fn four_of(begin: u32, i: vec4u, otherwise: f32) -> vec4f {
  let at = min(i, vec4u(params.width - 1u));
  return vec4f(
    vector_at(begin, at.x, otherwise),
    vector_at(begin, at.y, otherwise),
    vector_at(begin, at.z, otherwise),
    vector_at(begin, at.w, otherwise),
  );
}

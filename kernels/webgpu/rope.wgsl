// rope: a thread for each float.
// uses: step, rows, turn

struct Params { width: u32, headDim: u32, pairs: u32, pairing: u32 }
@group(0) @binding(1) var<uniform> params: Params;
@group(0) @binding(2) var<storage, read> x: array<f32>;
@group(0) @binding(3) var<storage, read> table: array<vec2f>;
@group(0) @binding(4) var<storage, read_write> out: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let row_stride = stride(params.width);
  let t = id.y;
  if (id.x >= row_stride || t >= token_count()) { return; }
  let row = t * row_stride;
  var value = 0.0;
  if (id.x < params.width) {
    let d = id.x % params.headDim;
    value = turned(&x, row + id.x - d, d, token_position(t));
  }
  out[row + id.x] = value;
}

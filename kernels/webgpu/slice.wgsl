// slice: a thread for each value. Groups of x are `size` values, and `kept` of them from the one at `first` are kept.
// uses: rows

struct Params { width: u32, columns: u32, first: u32, size: u32, kept: u32 }
@group(0) @binding(1) var<uniform> params: Params;
@group(0) @binding(2) var<storage, read> x: array<f32>;
@group(0) @binding(3) var<storage, read_write> out: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
  if (id.x >= stride(params.width)) { return; }
  var value = 0.0;
  if (id.x < params.width) {
    let column = id.x / params.kept * params.size + params.first + id.x % params.kept;
    value = x[id.y * stride(params.columns) + column];
  }
  out[id.y * stride(params.width) + id.x] = value;
}

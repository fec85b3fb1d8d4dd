// concat: a thread for each value. A group is `ofA` values of a, then `ofB` of b; groups of b begin `stepB` apart.
// uses: rows

struct Params { width: u32, widthA: u32, widthB: u32, ofA: u32, ofB: u32, stepB: u32 }
@group(0) @binding(1) var<uniform> params: Params;
@group(0) @binding(2) var<storage, read> a: array<f32>;
@group(0) @binding(3) var<storage, read> b: array<f32>;
@group(0) @binding(4) var<storage, read_write> out: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
  if (id.x >= stride(params.width)) { return; }
  let group = id.x / (params.ofA + params.ofB);
  let i = id.x % (params.ofA + params.ofB);
  var value = 0.0;
  if (id.x < params.width) {
    if (i < params.ofA) {
      value = a[id.y * stride(params.widthA) + group * params.ofA + i];
    } else {
      value = b[id.y * stride(params.widthB) + group * params.stepB + i - params.ofA];
    }
  }
  out[id.y * stride(params.width) + id.x] = value;
}

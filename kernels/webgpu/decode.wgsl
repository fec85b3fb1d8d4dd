// The values of a weight as its type's decode gives them, for tests and for a look at one.
// uses: quant

struct Params {
  planes: vec4u,
  groups: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> weight: array<vec4u>;
@group(0) @binding(2) var<storage, read_write> out: array<vec4f>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
  if (id.x >= params.groups) { return; }
  let values = decode(&weight, params.planes, id.x);
  for (var i = 0u; i < GROUP / 4u; i++) { out[id.x * (GROUP / 4u) + i] = values[i]; }
}

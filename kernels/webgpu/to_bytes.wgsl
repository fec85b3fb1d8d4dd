// Rows of activations as bytes, for products of bytes: a thread for 32 values. They become 48 bytes: the values divided
// by a scale and rounded, the scale, and the sum of what the bytes stand for, which a weight's least value is times.
// uses: step, rows

struct Params { groups: u32, rows: u32 }
@group(0) @binding(1) var<uniform> params: Params;
@group(0) @binding(2) var<storage, read> x: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> out: array<vec4u>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
  if (id.x >= params.groups || id.y >= row_count(params.rows)) { return; }
  let place = id.y * params.groups + id.x;
  var most = vec4f(0.0);
  for (var i = 0u; i < 8u; i++) { most = max(most, abs(x[8u * place + i])); }
  let scale = max(max(most.x, most.y), max(most.z, most.w)) / 127.0;
  let inverse = select(0.0, 1.0 / scale, scale > 1e-35);
  var words: array<u32, 8>;
  var sum = 0;
  for (var i = 0u; i < 8u; i++) {
    words[i] = pack4xI8(vec4i(round(x[8u * place + i] * inverse)));
    sum += dot4I8Packed(words[i], 0x01010101u);
  }
  out[3u * place] = vec4u(words[0], words[1], words[2], words[3]);
  out[3u * place + 1u] = vec4u(words[4], words[5], words[6], words[7]);
  out[3u * place + 2u] = vec4u(bitcast<vec2u>(vec2f(scale, scale * f32(sum))), 0u, 0u);
}

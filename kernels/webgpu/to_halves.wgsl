// Rows of activations as F16, for products of small matrices: a workgroup for each. A row is divided by a power of
// two, which comes after it in 16 bytes of their own: its largest value becomes about 2^14, so that all that matters
// beside it is exact to 11 bits.
// uses: step, rows, reduce

struct Params { width: u32, rows: u32 }
@group(0) @binding(1) var<uniform> params: Params;
@group(0) @binding(2) var<storage, read> x: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> out: array<vec4u>;

const WG = 64u;

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) id: vec3u, @builtin(local_invocation_index) thread: u32) {
  if (id.y >= row_count(params.rows)) { return; }
  let eights = stride(params.width) / 8u;
  let start = id.y * eights * 2u;
  var most = vec4f(0.0);
  for (var i = thread; i < 2u * eights; i += WG) { most = max(most, abs(x[start + i])); }
  let largest = most_of_all(max(max(most.x, most.y), max(most.z, most.w)), thread);
  // Its exponent, of what is not too small for its inverse.
  let scale = bitcast<f32>(bitcast<u32>(max(largest, 1e-30)) & 0x7f800000u) / 16384.0;
  let at = id.y * (eights + 1u);
  for (var i = thread; i < eights; i += WG) {
    let a = x[start + 2u * i] / scale;
    let b = x[start + 2u * i + 1u] / scale;
    out[at + i] = vec4u(pack2x16float(a.xy), pack2x16float(a.zw), pack2x16float(b.xy), pack2x16float(b.zw));
  }
  if (thread == 0u) { out[at + eights] = vec4u(bitcast<u32>(scale), 0u, 0u, 0u); }
}

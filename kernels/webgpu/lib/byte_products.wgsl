// Products of 32 bytes of x (to_bytes.wgsl) and 32 of a weight.
// uses: product

@group(0) @binding(3) var<storage, read> x: array<vec4u>;

struct Bytes {
  low: vec4u,
  high: vec4u,
  scales: vec2f,
}

// Group g of a token's row.
fn x_bytes(t: u32, g: u32) -> Bytes {
  let at = 3u * (t * params.groups + g);
  return Bytes(x[at], x[at + 1u], bitcast<vec2f>(x[at + 2u].xy));
}

fn product_of(w: Group, v: Bytes) -> f32 {
  var sum = 0;
  for (var i = 0u; i < 4u; i++) { sum += dot4I8Packed(w.low[i], v.low[i]) + dot4I8Packed(w.high[i], v.high[i]); }
  return w.ramp.x * v.scales.x * f32(sum) - w.ramp.y * v.scales.y;
}

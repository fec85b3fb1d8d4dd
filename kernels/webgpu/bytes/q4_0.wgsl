// Q4_0 as bytes: the planes of quants/q4_0.wgsl.
// uses: planes, codes, weight_bytes

fn decode(w: ptr<storage, array<vec4u>, read>, planes: vec4u, at: u32) -> Group {
  let x = (*w)[planes.x + at];
  return Group(low_nibbles(x), high_nibbles(x), plane_f16(w, planes.y, at) * vec2f(1.0, 8.0));
}

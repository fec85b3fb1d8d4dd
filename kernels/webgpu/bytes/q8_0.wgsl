// Q8_0 as bytes: the planes of quants/q8_0.wgsl.
// uses: planes, weight_bytes

fn decode(w: ptr<storage, array<vec4u>, read>, planes: vec4u, at: u32) -> Group {
  return Group((*w)[planes.x + 2u * at], (*w)[planes.x + 2u * at + 1u], vec2f(plane_f16(w, planes.y, at), 0.0));
}

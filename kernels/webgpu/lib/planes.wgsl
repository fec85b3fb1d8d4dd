// Reading planes of a weight (src/backends/webgpu/layouts.ts): `plane` counts in vec4u, `i` in values of the plane.

fn plane_u32(w: ptr<storage, array<vec4u>, read>, plane: u32, i: u32) -> u32 { return (*w)[plane + (i >> 2u)][i & 3u]; }
fn plane_u16(w: ptr<storage, array<vec4u>, read>, plane: u32, i: u32) -> u32 {
  return (plane_u32(w, plane, i >> 1u) >> (16u * (i & 1u))) & 0xffffu;
}
fn plane_u8(w: ptr<storage, array<vec4u>, read>, plane: u32, i: u32) -> u32 {
  return (plane_u32(w, plane, i >> 2u) >> (8u * (i & 3u))) & 0xffu;
}
fn plane_f32(w: ptr<storage, array<vec4u>, read>, plane: u32, i: u32) -> f32 {
  return bitcast<f32>(plane_u32(w, plane, i));
}
fn plane_f16(w: ptr<storage, array<vec4u>, read>, plane: u32, i: u32) -> f32 {
  return unpack2x16float(plane_u16(w, plane, i)).x;
}
// Words 2 i and 2 i + 1.
fn plane_pair(w: ptr<storage, array<vec4u>, read>, plane: u32, i: u32) -> vec2u {
  let x = (*w)[plane + (i >> 1u)];
  return select(x.xy, x.zw, (i & 1u) == 1u);
}

// Four bytes of a word as floats.
fn unsigned4(x: u32) -> vec4f { return vec4f(unpack4xU8(x)); }
fn signed4(x: u32) -> vec4f { return vec4f(unpack4xI8(x)); }

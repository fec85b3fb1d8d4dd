// MXFP4, a block of 32 a group: value = 2^(e - 128) * doubled E2M1. Planes: 16 bytes of nibbles; bytes e.
// uses: planes, small_floats

const GROUP = 32u;
alias Group = array<vec4f, GROUP / 4u>;

fn decode(w: ptr<storage, array<vec4u>, read>, planes: vec4u, at: u32) -> Group {
  let e = plane_u8(w, planes.y, at);
  let bias = select(0u, 2u, e < 2u); // 2^(e - 128) would be subnormal: four times that, and a quarter of the floats
  let d = bitcast<f32>((e + bias - 1u) << 23u);
  let low = (*w)[planes.x + at];
  let high = low >> vec4u(4u);
  return Group(
    d * e2m1(low.x, bias), d * e2m1(low.y, bias), d * e2m1(low.z, bias), d * e2m1(low.w, bias),
    d * e2m1(high.x, bias), d * e2m1(high.y, bias), d * e2m1(high.z, bias), d * e2m1(high.w, bias),
  );
}

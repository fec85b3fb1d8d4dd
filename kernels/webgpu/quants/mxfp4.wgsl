// MXFP4, a block of 32 a group: value = 2^(e - 128) * doubled E2M1. Planes: 16 bytes of nibbles; bytes e.
// uses: planes, small_floats

const GROUP = 32u;
alias Group = array<vec4f, GROUP / 4u>;

fn decode(w: ptr<storage, array<vec4u>, read>, planes: vec4u, at: u32) -> Group {
  let e = plane_u8(w, planes.y, at);
  let d = bitcast<f32>(select(0x00200000u << e, (e - 1u) << 23u, e >= 2u)); // below 2 it is subnormal
  let low = (*w)[planes.x + at];
  let high = low >> vec4u(4u);
  return Group(
    d * doubled_e2m1(low.x), d * doubled_e2m1(low.y), d * doubled_e2m1(low.z), d * doubled_e2m1(low.w),
    d * doubled_e2m1(high.x), d * doubled_e2m1(high.y), d * doubled_e2m1(high.z), d * doubled_e2m1(high.w),
  );
}

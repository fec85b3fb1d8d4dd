// NVFP4, 32 of a block of 64 a group: value = d * E2M1, d an E4M3 for 16 values. Planes: 32 bytes of nibbles,
// 8 bytes for 16 values; 4 bytes d, whose sign is ignored and whose NaN, 0x7f, is 0.
// uses: planes, small_floats

const GROUP = 32u;
alias Group = array<vec4f, GROUP / 4u>;

fn decode(w: ptr<storage, array<vec4u>, read>, planes: vec4u, at: u32) -> Group {
  let scales = unpack4xU8(plane_u16(w, planes.y, at));
  let d = select(small_floats(scales & vec4u(127u), 8u, 3u, 7u), vec4f(0.0), scales == vec4u(127u));
  let low = (*w)[planes.x + at];
  let high = low >> vec4u(4u);
  return Group(
    d.x * e2m1(low.x, 1u), d.x * e2m1(low.y, 1u), d.x * e2m1(high.x, 1u), d.x * e2m1(high.y, 1u),
    d.y * e2m1(low.z, 1u), d.y * e2m1(low.w, 1u), d.y * e2m1(high.z, 1u), d.y * e2m1(high.w, 1u),
  );
}

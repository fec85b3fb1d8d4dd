// NVFP4, 32 of a block of 64 a group: value = d * doubled E2M1, d half of an E4M3 for 16 values. Planes: 32 bytes of
// nibbles, 8 bytes for 16 values; 4 bytes d, whose sign is ignored and whose NaN, 0x7f, is 0.
// uses: planes, small_floats

const GROUP = 32u;
alias Group = array<vec4f, GROUP / 4u>;

fn decode(w: ptr<storage, array<vec4u>, read>, planes: vec4u, at: u32) -> Group {
  let scales = unpack4xU8(plane_u16(w, planes.y, at)).xy;
  let d = 128.0 * unpack2x16float(nvfp4_half(scales.x) | (nvfp4_half(scales.y) << 16u));
  let low = (*w)[planes.x + at];
  let high = low >> vec4u(4u);
  return Group(
    d.x * doubled_e2m1(low.x), d.x * doubled_e2m1(low.y), d.x * doubled_e2m1(high.x), d.x * doubled_e2m1(high.y),
    d.y * doubled_e2m1(low.z), d.y * doubled_e2m1(low.w), d.y * doubled_e2m1(high.z), d.y * doubled_e2m1(high.w),
  );
}

fn nvfp4_half(x: u32) -> u32 { return select((x & 127u) << 7u, 0u, x == 127u); }

// FP4, 32 of a block of 64 a group: value = d * levels[q], bitsandbytes' floats. Planes: 32 bytes of nibbles, low
// ones of the first group, high ones of the second; d (F32).
// uses: codes, planes

const GROUP = 32u;
alias Group = array<vec4f, GROUP / 4u>;

fn decode(w: ptr<storage, array<vec4u>, read>, planes: vec4u, at: u32) -> Group {
  let block = at >> 1u;
  let d = plane_f32(w, planes.y, block);
  let low = nibbles((*w)[planes.x + 2u * block], 4u * (at & 1u));
  let high = nibbles((*w)[planes.x + 2u * block + 1u], 4u * (at & 1u));
  return Group(
    d * fp4_levels4(low.x), d * fp4_levels4(low.y), d * fp4_levels4(low.z), d * fp4_levels4(low.w),
    d * fp4_levels4(high.x), d * fp4_levels4(high.y), d * fp4_levels4(high.z), d * fp4_levels4(high.w),
  );
}

const fp4_levels = array<f32, 16>(
  0.0, 0.0625 / 12.0, 8.0 / 12.0, 1.0, 4.0 / 12.0, 0.5, 2.0 / 12.0, 0.25,
  0.0, -0.0625 / 12.0, -8.0 / 12.0, -1.0, -4.0 / 12.0, -0.5, -2.0 / 12.0, -0.25,
);

fn fp4_levels4(codes: u32) -> vec4f {
  let q = unpack4xU8(codes);
  return vec4f(fp4_levels[q.x], fp4_levels[q.y], fp4_levels[q.z], fp4_levels[q.w]);
}

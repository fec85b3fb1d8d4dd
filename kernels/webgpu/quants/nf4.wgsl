// NF4, 32 of a block of 64 a group: value = d * levels[q], the levels of QLoRA. Planes: 32 bytes of nibbles, low ones
// of the first group, high ones of the second; d (F32).
// uses: codes, planes

const GROUP = 32u;
alias Group = array<vec4f, GROUP / 4u>;

fn decode(w: ptr<storage, array<vec4u>, read>, planes: vec4u, at: u32) -> Group {
  let block = at >> 1u;
  let d = plane_f32(w, planes.y, block);
  let low = nibbles((*w)[planes.x + 2u * block], 4u * (at & 1u));
  let high = nibbles((*w)[planes.x + 2u * block + 1u], 4u * (at & 1u));
  return Group(
    d * nf4_levels4(low.x), d * nf4_levels4(low.y), d * nf4_levels4(low.z), d * nf4_levels4(low.w),
    d * nf4_levels4(high.x), d * nf4_levels4(high.y), d * nf4_levels4(high.z), d * nf4_levels4(high.w),
  );
}

const nf4_levels = array<f32, 16>(
  -1.0, -0.6961928009986877, -0.5250730514526367, -0.39491748809814453,
  -0.28444138169288635, -0.18477343022823334, -0.09105003625154495, 0.0,
  0.07958029955625534, 0.16093020141124725, 0.24611230194568634, 0.33791524171829224,
  0.44070982933044434, 0.5626170039176941, 0.7229568362236023, 1.0,
);

fn nf4_levels4(codes: u32) -> vec4f {
  let q = unpack4xU8(codes);
  return vec4f(nf4_levels[q.x], nf4_levels[q.y], nf4_levels[q.z], nf4_levels[q.w]);
}

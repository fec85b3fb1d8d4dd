// The decode of blocks of 64 nibbles that are looked up in `levels`, which the type's own file has. Planes: 32 bytes of
// nibbles, low ones of the first group, high ones of the second; d (F32).
// uses: codes, planes

const GROUP = 32u;
alias Group = array<vec4f, GROUP / 4u>;

fn decode(w: ptr<storage, array<vec4u>, read>, planes: vec4u, at: u32) -> Group {
  let block = at >> 1u;
  let d = plane_f32(w, planes.y, block);
  let low = nibbles((*w)[planes.x + 2u * block], 4u * (at & 1u));
  let high = nibbles((*w)[planes.x + 2u * block + 1u], 4u * (at & 1u));
  return Group(
    d * levels4(low.x), d * levels4(low.y), d * levels4(low.z), d * levels4(low.w),
    d * levels4(high.x), d * levels4(high.y), d * levels4(high.z), d * levels4(high.w),
  );
}

fn levels4(codes: u32) -> vec4f {
  let q = unpack4xU8(codes);
  return vec4f(levels[q.x], levels[q.y], levels[q.z], levels[q.w]);
}

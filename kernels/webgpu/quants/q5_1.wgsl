// Q5_1, a block of 32 a group: value = d * q + m. Planes: 16 bytes of nibbles; 32 fifth bits; d and m (F16).
// uses: planes, codes

const GROUP = 32u;
alias Group = array<vec4f, GROUP / 4u>;

fn decode(w: ptr<storage, array<vec4u>, read>, planes: vec4u, at: u32) -> Group {
  let dm = unpack2x16float(plane_u32(w, planes.z, at));
  let x = (*w)[planes.x + at];
  let fifths = plane_u32(w, planes.y, at);
  let low = low_nibbles(x) | (spread(fifths) << vec4u(4u));
  let high = high_nibbles(x) | (spread(fifths >> 16u) << vec4u(4u));
  return Group(
    dm.x * unsigned4(low.x) + dm.y, dm.x * unsigned4(low.y) + dm.y,
    dm.x * unsigned4(low.z) + dm.y, dm.x * unsigned4(low.w) + dm.y,
    dm.x * unsigned4(high.x) + dm.y, dm.x * unsigned4(high.y) + dm.y,
    dm.x * unsigned4(high.z) + dm.y, dm.x * unsigned4(high.w) + dm.y,
  );
}

// Q5_0, a block of 32 a group: value = d * (q - 16). Planes: 16 bytes of nibbles; 32 fifth bits; d (F16).
// uses: planes, codes

const GROUP = 32u;
alias Group = array<vec4f, GROUP / 4u>;

fn decode(w: ptr<storage, array<vec4u>, read>, planes: vec4u, at: u32) -> Group {
  let d = plane_f16(w, planes.z, at);
  let x = (*w)[planes.x + at];
  let fifths = plane_u32(w, planes.y, at);
  let low = low_nibbles(x) | (spread(fifths) << vec4u(4u));
  let high = high_nibbles(x) | (spread(fifths >> 16u) << vec4u(4u));
  return Group(
    d * (unsigned4(low.x) - 16.0), d * (unsigned4(low.y) - 16.0),
    d * (unsigned4(low.z) - 16.0), d * (unsigned4(low.w) - 16.0),
    d * (unsigned4(high.x) - 16.0), d * (unsigned4(high.y) - 16.0),
    d * (unsigned4(high.z) - 16.0), d * (unsigned4(high.w) - 16.0),
  );
}

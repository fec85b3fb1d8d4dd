// Q4_0, a block of 32 a group: value = d * (q - 8). Planes: 16 bytes of nibbles; d (F16).
// uses: planes, codes

const GROUP = 32u;
alias Group = array<vec4f, GROUP / 4u>;

fn decode(w: ptr<storage, array<vec4u>, read>, planes: vec4u, at: u32) -> Group {
  let d = plane_f16(w, planes.y, at);
  let x = (*w)[planes.x + at];
  let low = low_nibbles(x);
  let high = high_nibbles(x);
  return Group(
    d * (unsigned4(low.x) - 8.0), d * (unsigned4(low.y) - 8.0),
    d * (unsigned4(low.z) - 8.0), d * (unsigned4(low.w) - 8.0),
    d * (unsigned4(high.x) - 8.0), d * (unsigned4(high.y) - 8.0),
    d * (unsigned4(high.z) - 8.0), d * (unsigned4(high.w) - 8.0),
  );
}

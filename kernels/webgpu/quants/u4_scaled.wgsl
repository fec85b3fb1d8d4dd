// U4_SCALED, a block of 32 a group: value = d * (q - z). Planes: 16 bytes of nibbles; words, whose low byte is z and
// whose upper three are those of d (F32).
// uses: codes, planes

const GROUP = 32u;
alias Group = array<vec4f, GROUP / 4u>;

fn decode(w: ptr<storage, array<vec4u>, read>, planes: vec4u, at: u32) -> Group {
  let head = plane_u32(w, planes.y, at);
  let z = f32(head & 255u);
  let d = bitcast<f32>(head & 0xffffff00u);
  let x = (*w)[planes.x + at];
  let low = low_nibbles(x);
  let high = high_nibbles(x);
  return Group(
    d * (unsigned4(low.x) - z), d * (unsigned4(low.y) - z), d * (unsigned4(low.z) - z), d * (unsigned4(low.w) - z),
    d * (unsigned4(high.x) - z), d * (unsigned4(high.y) - z), d * (unsigned4(high.z) - z), d * (unsigned4(high.w) - z),
  );
}

// Q1_0, 32 of a block of 128 a group: value = d where the bit is set, else -d. Planes: 16 bytes of bits; d (F16).
// uses: codes, planes

const GROUP = 32u;
alias Group = array<vec4f, GROUP / 4u>;

fn decode(w: ptr<storage, array<vec4u>, read>, planes: vec4u, at: u32) -> Group {
  let d = plane_f16(w, planes.y, at >> 2u);
  let x = plane_u32(w, planes.x, at);
  let low = spread(x);
  let high = spread(x >> 16u);
  return Group(
    d * (2.0 * unsigned4(low.x) - 1.0), d * (2.0 * unsigned4(low.y) - 1.0),
    d * (2.0 * unsigned4(low.z) - 1.0), d * (2.0 * unsigned4(low.w) - 1.0),
    d * (2.0 * unsigned4(high.x) - 1.0), d * (2.0 * unsigned4(high.y) - 1.0),
    d * (2.0 * unsigned4(high.z) - 1.0), d * (2.0 * unsigned4(high.w) - 1.0),
  );
}

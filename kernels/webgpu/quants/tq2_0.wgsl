// TQ2_0, 32 of a block of 256 a group: value = d * (q - 1). Planes: 64 bytes of codes, 32 for four groups; d (F16).
// uses: codes, planes

const GROUP = 32u;
alias Group = array<vec4f, GROUP / 4u>;

fn decode(w: ptr<storage, array<vec4u>, read>, planes: vec4u, at: u32) -> Group {
  let d = plane_f16(w, planes.y, at >> 3u);
  let codes = planes.x + (at >> 2u) * 2u;
  let low = pairs((*w)[codes], 2u * (at & 3u));
  let high = pairs((*w)[codes + 1u], 2u * (at & 3u));
  return Group(
    d * (unsigned4(low.x) - 1.0), d * (unsigned4(low.y) - 1.0),
    d * (unsigned4(low.z) - 1.0), d * (unsigned4(low.w) - 1.0),
    d * (unsigned4(high.x) - 1.0), d * (unsigned4(high.y) - 1.0),
    d * (unsigned4(high.z) - 1.0), d * (unsigned4(high.w) - 1.0),
  );
}

// Q2_K, 32 of a block of 256 a group: value = d * s * q - dmin * m, s and m for 16 values. Planes: 64 bytes of codes,
// 32 for four groups; 16 bytes [m|s]; d and dmin (F16).
// uses: codes, planes

const GROUP = 32u;
alias Group = array<vec4f, GROUP / 4u>;

fn decode(w: ptr<storage, array<vec4u>, read>, planes: vec4u, at: u32) -> Group {
  let dm = unpack2x16float(plane_u32(w, planes.z, at >> 3u));
  let groups = plane_u16(w, planes.y, at);
  let scale = dm.x * unsigned4(groups & 0x0f0fu).xy;
  let least = dm.y * unsigned4((groups >> 4u) & 0x0f0fu).xy;
  let codes = planes.x + (at >> 2u) * 2u;
  let low = pairs((*w)[codes], 2u * (at & 3u));
  let high = pairs((*w)[codes + 1u], 2u * (at & 3u));
  return Group(
    scale.x * unsigned4(low.x) - least.x, scale.x * unsigned4(low.y) - least.x,
    scale.x * unsigned4(low.z) - least.x, scale.x * unsigned4(low.w) - least.x,
    scale.y * unsigned4(high.x) - least.y, scale.y * unsigned4(high.y) - least.y,
    scale.y * unsigned4(high.z) - least.y, scale.y * unsigned4(high.w) - least.y,
  );
}

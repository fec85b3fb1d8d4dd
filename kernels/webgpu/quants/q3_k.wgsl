// Q3_K, 32 of a block of 256 a group: value = d * (s - 32) * (q - 4), s for 16 values. Planes: 64 bytes of low two
// bits, 32 for four groups; 32 bytes of third bits, bit j for group j; 12 bytes of scales; d (F16). Scales, six bits
// each:
//
//   0 ... 7   [s8|s0 ] ... [s15|s7] low four bits        8 ... 11  [s12|s8|s4|s0] ... high two bits
// uses: codes, planes

const GROUP = 32u;
alias Group = array<vec4f, GROUP / 4u>;

fn decode(w: ptr<storage, array<vec4u>, read>, planes: vec4u, at: u32) -> Group {
  let block = at >> 3u;
  let j = at & 7u;
  let four = plane_u32(w, planes.z, 3u * block + ((j >> 1u) & 1u)) >> (16u * (j & 1u) + 4u * (j >> 2u));
  let two = plane_u32(w, planes.z, 3u * block + 2u) >> (16u * (j & 1u) + 2u * (j >> 1u));
  let scale = plane_f16(w, planes.w, block) * (unsigned4((four & 0x0f0fu) | ((two & 0x0303u) << 4u)).xy - 32.0);
  let pair = planes.x + (at >> 2u) * 2u;
  let third = planes.y + 2u * block;
  let low = pairs((*w)[pair], 2u * (j & 3u)) | (bits((*w)[third], j) << vec4u(2u));
  let high = pairs((*w)[pair + 1u], 2u * (j & 3u)) | (bits((*w)[third + 1u], j) << vec4u(2u));
  return Group(
    scale.x * (unsigned4(low.x) - 4.0), scale.x * (unsigned4(low.y) - 4.0),
    scale.x * (unsigned4(low.z) - 4.0), scale.x * (unsigned4(low.w) - 4.0),
    scale.y * (unsigned4(high.x) - 4.0), scale.y * (unsigned4(high.y) - 4.0),
    scale.y * (unsigned4(high.z) - 4.0), scale.y * (unsigned4(high.w) - 4.0),
  );
}

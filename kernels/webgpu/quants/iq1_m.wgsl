// IQ1_M, 32 of a block of 256 a group: value = d * (2 * s + 1) * (point +- 1/8), s for 16 values. Planes: 32 bytes g,
// one for eight values; 16 bytes [-|h|-|h]; two words. h|g: the point; -: whether the 1/8 is subtracted. The words
// are four times [d|s3|s2|s1|s0], 16 bits: d, an F16, in pieces of four bits, the lowest one first.
// uses: grids, planes

const GROUP = 32u;
alias Group = array<vec4f, GROUP / 4u>;

fn decode(w: ptr<storage, array<vec4u>, read>, planes: vec4u, at: u32) -> Group {
  let j = at & 7u;
  let words = plane_pair(w, planes.z, at >> 3u);
  let pieces = (words >> vec2u(12u)) & vec2u(0x000f000fu);
  let bytes = (pieces | (pieces >> vec2u(12u))) & vec2u(0xffu);
  let d = unpack2x16float(bytes.x | (bytes.y << 8u)).x;
  let s = select(words.x, words.y, j >= 4u) >> (16u * ((j >> 1u) & 1u) + 6u * (j & 1u));
  let scale = d * vec2f(2u * (vec2u(s, s >> 3u) & vec2u(7u)) + vec2u(1u));
  let more = (vec4u(plane_u16(w, planes.y, at)) >> vec4u(0u, 4u, 8u, 12u)) & vec4u(15u);
  let points = unpack4xU8(plane_u32(w, planes.x, at)) | ((more & vec4u(7u)) << vec4u(8u));
  let shift = select(vec4f(0.125), vec4f(-0.125), more >= vec4u(8u));
  return Group(
    scale.x * (half_signed_point(IQ1, points.x, 0u) + shift.x),
    scale.x * (half_signed_point(IQ1, points.x, 1u) + shift.x),
    scale.x * (half_signed_point(IQ1, points.y, 0u) + shift.y),
    scale.x * (half_signed_point(IQ1, points.y, 1u) + shift.y),
    scale.y * (half_signed_point(IQ1, points.z, 0u) + shift.z),
    scale.y * (half_signed_point(IQ1, points.z, 1u) + shift.z),
    scale.y * (half_signed_point(IQ1, points.w, 0u) + shift.w),
    scale.y * (half_signed_point(IQ1, points.w, 1u) + shift.w),
  );
}

// IQ1_S, 32 of a block of 256 a group: value = d * (2 * s + 1) * (point +- 1/8). Planes: 32 bytes g, one for eight
// values; 8 times [-|s|h3|h2|h1|h0], 16 bits; d (F16). h|g: the point; -: whether the 1/8 is subtracted.
// uses: grids, planes

const GROUP = 32u;
alias Group = array<vec4f, GROUP / 4u>;

fn decode(w: ptr<storage, array<vec4u>, read>, planes: vec4u, at: u32) -> Group {
  let more = plane_u16(w, planes.y, at);
  let scale = plane_f16(w, planes.z, at >> 3u) * f32(2u * ((more >> 12u) & 7u) + 1u);
  let shift = select(0.125, -0.125, more >= 0x8000u);
  let high = (vec4u(more) >> vec4u(0u, 3u, 6u, 9u)) & vec4u(7u);
  let points = unpack4xU8(plane_u32(w, planes.x, at)) | (high << vec4u(8u));
  return Group(
    scale * (half_signed_point(IQ1, points.x, 0u) + shift),
    scale * (half_signed_point(IQ1, points.x, 1u) + shift),
    scale * (half_signed_point(IQ1, points.y, 0u) + shift),
    scale * (half_signed_point(IQ1, points.y, 1u) + shift),
    scale * (half_signed_point(IQ1, points.z, 0u) + shift),
    scale * (half_signed_point(IQ1, points.z, 1u) + shift),
    scale * (half_signed_point(IQ1, points.w, 0u) + shift),
    scale * (half_signed_point(IQ1, points.w, 1u) + shift),
  );
}

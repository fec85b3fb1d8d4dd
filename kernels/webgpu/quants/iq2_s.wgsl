// IQ2_S, 32 of a block of 256 a group: value = d * (s + 1/2) / 4 * sign * point, s for 16 values. Planes: 32 bytes g,
// then 32 bytes of signs, one of each for eight values; 8 bytes [h|h|h|h], then 8 bytes [s|s]; d (F16). h|g:
// the point.
// uses: grids, planes

const GROUP = 32u;
alias Group = array<vec4f, GROUP / 4u>;

fn decode(w: ptr<storage, array<vec4u>, read>, planes: vec4u, at: u32) -> Group {
  let block = at >> 3u;
  let j = at & 7u;
  let low = unpack4xU8(plane_u32(w, planes.x, 16u * block + j));
  let signs = plane_u32(w, planes.x, 16u * block + 8u + j);
  let high = (vec4u(plane_u8(w, planes.y, 16u * block + j)) >> vec4u(0u, 2u, 4u, 6u)) & vec4u(3u);
  let s = plane_u8(w, planes.y, 16u * block + 8u + j);
  let scale = plane_f16(w, planes.z, block) * (vec2f(vec2u(s & 15u, s >> 4u)) + 0.5) * 0.25;
  let points = low | (high << vec4u(8u));
  return Group(
    with_signs(scale.x * half_point(IQ2_S, points.x, 0u), signs),
    with_signs(scale.x * half_point(IQ2_S, points.x, 1u), signs >> 4u),
    with_signs(scale.x * half_point(IQ2_S, points.y, 0u), signs >> 8u),
    with_signs(scale.x * half_point(IQ2_S, points.y, 1u), signs >> 12u),
    with_signs(scale.y * half_point(IQ2_S, points.z, 0u), signs >> 16u),
    with_signs(scale.y * half_point(IQ2_S, points.z, 1u), signs >> 20u),
    with_signs(scale.y * half_point(IQ2_S, points.w, 0u), signs >> 24u),
    with_signs(scale.y * half_point(IQ2_S, points.w, 1u), signs >> 28u),
  );
}

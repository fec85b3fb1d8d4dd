// IQ2_XS, 32 of a block of 256 a group: value = d * (s + 1/2) / 4 * sign * point, s for 16 values. Planes: two words
// [sign|g][sign|g], seven bits and nine, for a group; 8 bytes [s|s]; d (F16).
// uses: grids, planes

const GROUP = 32u;
alias Group = array<vec4f, GROUP / 4u>;

fn decode(w: ptr<storage, array<vec4u>, read>, planes: vec4u, at: u32) -> Group {
  let x = plane_pair(w, planes.x, at);
  let s = plane_u8(w, planes.y, at);
  let scale = plane_f16(w, planes.z, at >> 3u) * (vec2f(vec2u(s & 15u, s >> 4u)) + 0.5) * 0.25;
  let points = vec4u(x.x, x.x >> 16u, x.y, x.y >> 16u) & vec4u(511u);
  let signs0 = even_signs(x.x >> 9u);
  let signs1 = even_signs(x.x >> 25u);
  let signs2 = even_signs(x.y >> 9u);
  let signs3 = even_signs(x.y >> 25u);
  return Group(
    with_signs(scale.x * half_point(IQ2_XS, points.x, 0u), signs0),
    with_signs(scale.x * half_point(IQ2_XS, points.x, 1u), signs0 >> 4u),
    with_signs(scale.x * half_point(IQ2_XS, points.y, 0u), signs1),
    with_signs(scale.x * half_point(IQ2_XS, points.y, 1u), signs1 >> 4u),
    with_signs(scale.y * half_point(IQ2_XS, points.z, 0u), signs2),
    with_signs(scale.y * half_point(IQ2_XS, points.z, 1u), signs2 >> 4u),
    with_signs(scale.y * half_point(IQ2_XS, points.w, 0u), signs3),
    with_signs(scale.y * half_point(IQ2_XS, points.w, 1u), signs3 >> 4u),
  );
}

// IQ2_XXS, 32 of a block of 256 a group: value = d * (s + 1/2) / 4 * sign * point. Planes: 8 bytes a group; d (F16):
//
//   0   1   2   3    4                   7
//  [g0][g1][g2][g3] [s|sign3|sign2|sign1|sign0]
// uses: grids, planes

const GROUP = 32u;
alias Group = array<vec4f, GROUP / 4u>;

fn decode(w: ptr<storage, array<vec4u>, read>, planes: vec4u, at: u32) -> Group {
  let x = plane_pair(w, planes.x, at);
  let scale = plane_f16(w, planes.y, at >> 3u) * (f32(x.y >> 28u) + 0.5) * 0.25;
  let points = unpack4xU8(x.x);
  let signs0 = even_signs(x.y);
  let signs1 = even_signs(x.y >> 7u);
  let signs2 = even_signs(x.y >> 14u);
  let signs3 = even_signs(x.y >> 21u);
  return Group(
    with_signs(scale * half_point(IQ2_XXS, points.x, 0u), signs0),
    with_signs(scale * half_point(IQ2_XXS, points.x, 1u), signs0 >> 4u),
    with_signs(scale * half_point(IQ2_XXS, points.y, 0u), signs1),
    with_signs(scale * half_point(IQ2_XXS, points.y, 1u), signs1 >> 4u),
    with_signs(scale * half_point(IQ2_XXS, points.z, 0u), signs2),
    with_signs(scale * half_point(IQ2_XXS, points.z, 1u), signs2 >> 4u),
    with_signs(scale * half_point(IQ2_XXS, points.w, 0u), signs3),
    with_signs(scale * half_point(IQ2_XXS, points.w, 1u), signs3 >> 4u),
  );
}

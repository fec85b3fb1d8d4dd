// IQ3_XXS, 32 of a block of 256 a group: value = d * (s + 1/2) / 2 * sign * point. Planes: 64 bytes g, one for four
// values; 8 words [s|sign3|sign2|sign1|sign0]; d (F16).
// uses: grids, planes

const GROUP = 32u;
alias Group = array<vec4f, GROUP / 4u>;

fn decode(w: ptr<storage, array<vec4u>, read>, planes: vec4u, at: u32) -> Group {
  let x = plane_pair(w, planes.x, at);
  let more = plane_u32(w, planes.y, at);
  let scale = plane_f16(w, planes.z, at >> 3u) * (f32(more >> 28u) + 0.5) * 0.5;
  let low = unpack4xU8(x.x);
  let high = unpack4xU8(x.y);
  let signs0 = even_signs(more);
  let signs1 = even_signs(more >> 7u);
  let signs2 = even_signs(more >> 14u);
  let signs3 = even_signs(more >> 21u);
  return Group(
    with_signs(scale * point4(IQ3_XXS, low.x), signs0),
    with_signs(scale * point4(IQ3_XXS, low.y), signs0 >> 4u),
    with_signs(scale * point4(IQ3_XXS, low.z), signs1),
    with_signs(scale * point4(IQ3_XXS, low.w), signs1 >> 4u),
    with_signs(scale * point4(IQ3_XXS, high.x), signs2),
    with_signs(scale * point4(IQ3_XXS, high.y), signs2 >> 4u),
    with_signs(scale * point4(IQ3_XXS, high.z), signs3),
    with_signs(scale * point4(IQ3_XXS, high.w), signs3 >> 4u),
  );
}

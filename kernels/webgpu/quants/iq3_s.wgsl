// IQ3_S, 32 of a block of 256 a group: value = d * (2 * s + 1) * sign * point. Planes: 64 bytes g, one for four
// values; 8 bytes h, a bit for each g, then 8 words of signs; 8 nibbles s; d (F16). h|g: the point.
// uses: grids, planes

const GROUP = 32u;
alias Group = array<vec4f, GROUP / 4u>;

fn decode(w: ptr<storage, array<vec4u>, read>, planes: vec4u, at: u32) -> Group {
  let block = at >> 3u;
  let j = at & 7u;
  let x = plane_pair(w, planes.x, at);
  let h = vec4u(plane_u8(w, planes.y, 40u * block + j));
  let signs = plane_u32(w, planes.y, 10u * block + 2u + j);
  let s = (plane_u32(w, planes.z, block) >> (4u * j)) & 15u;
  let scale = plane_f16(w, planes.w, block) * f32(2u * s + 1u);
  let low = unpack4xU8(x.x) | (((h >> vec4u(0u, 1u, 2u, 3u)) & vec4u(1u)) << vec4u(8u));
  let high = unpack4xU8(x.y) | (((h >> vec4u(4u, 5u, 6u, 7u)) & vec4u(1u)) << vec4u(8u));
  return Group(
    with_signs(scale * point4(IQ3_S, low.x), signs),
    with_signs(scale * point4(IQ3_S, low.y), signs >> 4u),
    with_signs(scale * point4(IQ3_S, low.z), signs >> 8u),
    with_signs(scale * point4(IQ3_S, low.w), signs >> 12u),
    with_signs(scale * point4(IQ3_S, high.x), signs >> 16u),
    with_signs(scale * point4(IQ3_S, high.y), signs >> 20u),
    with_signs(scale * point4(IQ3_S, high.z), signs >> 24u),
    with_signs(scale * point4(IQ3_S, high.w), signs >> 28u),
  );
}

// Q6_K, 32 of a block of 256 a group: value = d * s * (q - 32). Planes: 128 bytes of low four bits, of which groups 0
// and 2, 1 and 3, 4 and 6, 5 and 7 share 32; 64 bytes of high two bits, 32 for four groups; 16 scales, signed bytes;
// d (F16).
// uses: codes, planes

const GROUP = 32u;
alias Group = array<vec4f, GROUP / 4u>;

fn decode(w: ptr<storage, array<vec4u>, read>, planes: vec4u, at: u32) -> Group {
  let j = at & 7u;
  let scale = plane_f16(w, planes.w, at >> 3u) * signed4(plane_u16(w, planes.z, at)).xy;
  let four = planes.x + (at >> 3u) * 8u + 4u * (j >> 2u) + 2u * (j & 1u);
  let two = planes.y + (at >> 2u) * 2u;
  let low = nibbles((*w)[four], 2u * (j & 2u)) | (pairs((*w)[two], 2u * (j & 3u)) << vec4u(4u));
  let high = nibbles((*w)[four + 1u], 2u * (j & 2u)) | (pairs((*w)[two + 1u], 2u * (j & 3u)) << vec4u(4u));
  return Group(
    scale.x * (unsigned4(low.x) - 32.0), scale.x * (unsigned4(low.y) - 32.0),
    scale.x * (unsigned4(low.z) - 32.0), scale.x * (unsigned4(low.w) - 32.0),
    scale.y * (unsigned4(high.x) - 32.0), scale.y * (unsigned4(high.y) - 32.0),
    scale.y * (unsigned4(high.z) - 32.0), scale.y * (unsigned4(high.w) - 32.0),
  );
}

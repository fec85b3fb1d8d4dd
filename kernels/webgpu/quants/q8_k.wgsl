// Q8_K, 32 of a block of 256 a group: value = d * q. Planes: 256 signed bytes; d (F32).
// uses: planes

const GROUP = 32u;
alias Group = array<vec4f, GROUP / 4u>;

fn decode(w: ptr<storage, array<vec4u>, read>, planes: vec4u, at: u32) -> Group {
  let d = plane_f32(w, planes.y, at >> 3u);
  let low = (*w)[planes.x + 2u * at];
  let high = (*w)[planes.x + 2u * at + 1u];
  return Group(
    d * signed4(low.x), d * signed4(low.y), d * signed4(low.z), d * signed4(low.w),
    d * signed4(high.x), d * signed4(high.y), d * signed4(high.z), d * signed4(high.w),
  );
}

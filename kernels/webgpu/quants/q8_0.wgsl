// Q8_0, a block of 32 a group: value = d * q. Planes: 32 signed bytes; d (F16).
// uses: planes

const GROUP = 32u;
alias Group = array<vec4f, GROUP / 4u>;

fn decode(w: ptr<storage, array<vec4u>, read>, planes: vec4u, at: u32) -> Group {
  let d = plane_f16(w, planes.y, at);
  let a = (*w)[planes.x + 2u * at];
  let b = (*w)[planes.x + 2u * at + 1u];
  return Group(
    d * signed4(a.x), d * signed4(a.y), d * signed4(a.z), d * signed4(a.w),
    d * signed4(b.x), d * signed4(b.y), d * signed4(b.z), d * signed4(b.w),
  );
}

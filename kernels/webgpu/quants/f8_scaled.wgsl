// F8_SCALED, 32 of a block of 64 a group: value = d * E4M3. Planes: 64 bytes; d (F32).
// uses: planes, small_floats

const GROUP = 32u;
alias Group = array<vec4f, GROUP / 4u>;

fn decode(w: ptr<storage, array<vec4u>, read>, planes: vec4u, at: u32) -> Group {
  let d = plane_f32(w, planes.y, at >> 1u);
  let low = (*w)[planes.x + 2u * at];
  let high = (*w)[planes.x + 2u * at + 1u];
  return Group(
    d * e4m3(low.x), d * e4m3(low.y), d * e4m3(low.z), d * e4m3(low.w),
    d * e4m3(high.x), d * e4m3(high.y), d * e4m3(high.z), d * e4m3(high.w),
  );
}

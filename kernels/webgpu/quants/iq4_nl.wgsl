// IQ4_NL, a block of 32 a group: value = d * levels[q]. Planes: 16 bytes of nibbles; d (F16).
// uses: codes, iq4_levels, planes

const GROUP = 32u;
alias Group = array<vec4f, GROUP / 4u>;

fn decode(w: ptr<storage, array<vec4u>, read>, planes: vec4u, at: u32) -> Group {
  let d = plane_f16(w, planes.y, at);
  let x = (*w)[planes.x + at];
  let low = low_nibbles(x);
  let high = high_nibbles(x);
  return Group(
    d * iq4_levels(low.x), d * iq4_levels(low.y), d * iq4_levels(low.z), d * iq4_levels(low.w),
    d * iq4_levels(high.x), d * iq4_levels(high.y), d * iq4_levels(high.z), d * iq4_levels(high.w),
  );
}

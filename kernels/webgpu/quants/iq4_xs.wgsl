// IQ4_XS, 32 of a block of 256 a group: value = d * (s - 32) * levels[q]. Planes: 128 bytes of nibbles; heads, 8 bytes:
//
//   0 1     2 3            4 ... 7
//  [d: F16][h7 h6 ... h0] [l7 ... l0]      s = h|l, two bits and four
// uses: codes, iq4_levels, planes

const GROUP = 32u;
alias Group = array<vec4f, GROUP / 4u>;

fn decode(w: ptr<storage, array<vec4u>, read>, planes: vec4u, at: u32) -> Group {
  let head = plane_pair(w, planes.y, at >> 3u);
  let j = at & 7u;
  let s = ((head.y >> (4u * j)) & 15u) | (((head.x >> (16u + 2u * j)) & 3u) << 4u);
  let d = unpack2x16float(head.x).x * (f32(s) - 32.0);
  let x = (*w)[planes.x + at];
  let low = low_nibbles(x);
  let high = high_nibbles(x);
  return Group(
    d * iq4_levels(low.x), d * iq4_levels(low.y), d * iq4_levels(low.z), d * iq4_levels(low.w),
    d * iq4_levels(high.x), d * iq4_levels(high.y), d * iq4_levels(high.z), d * iq4_levels(high.w),
  );
}

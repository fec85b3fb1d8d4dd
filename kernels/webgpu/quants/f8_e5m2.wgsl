// F8_E5M2, sixteen values a group: the upper halves of F16.
// uses: small_floats

const GROUP = 16u;
alias Group = array<vec4f, GROUP / 4u>;

fn decode(w: ptr<storage, array<vec4u>, read>, planes: vec4u, at: u32) -> Group {
  let x = (*w)[planes.x + at];
  return Group(e5m2(x.x), e5m2(x.y), e5m2(x.z), e5m2(x.w));
}

fn e5m2(x: u32) -> vec4f { return paired_halves((x & 0x00ff00ffu) << 8u, x & 0xff00ff00u); }

// F8_E5M2, sixteen values a group: [seeeeemm] with bias 15, infinity or NaN where all of e is set.
// uses: small_floats

const GROUP = 16u;
alias Group = array<vec4f, GROUP / 4u>;

fn decode(w: ptr<storage, array<vec4u>, read>, planes: vec4u, at: u32) -> Group {
  let x = (*w)[planes.x + at];
  return Group(e5m2(x.x), e5m2(x.y), e5m2(x.z), e5m2(x.w));
}

fn e5m2(x: u32) -> vec4f {
  let codes = unpack4xU8(x);
  return specials(small_floats(codes, 8u, 2u, 15u), 0x7f800000u, (codes & vec4u(127u)) >= vec4u(124u));
}

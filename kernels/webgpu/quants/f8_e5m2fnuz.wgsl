// F8_E5M2FNUZ, sixteen values a group: [seeeeemm] with bias 16, NaN where only s is set.
// uses: small_floats

const GROUP = 16u;
alias Group = array<vec4f, GROUP / 4u>;

fn decode(w: ptr<storage, array<vec4u>, read>, planes: vec4u, at: u32) -> Group {
  let x = (*w)[planes.x + at];
  return Group(e5m2fnuz(x.x), e5m2fnuz(x.y), e5m2fnuz(x.z), e5m2fnuz(x.w));
}

fn e5m2fnuz(x: u32) -> vec4f {
  let codes = unpack4xU8(x);
  return specials(small_floats(codes, 8u, 2u, 16u), 0x7fc00000u, codes == vec4u(128u));
}

// F8_E4M3FNUZ, sixteen values a group: [seeeemmm] with bias 8, NaN where only s is set.
// uses: small_floats

const GROUP = 16u;
alias Group = array<vec4f, GROUP / 4u>;

fn decode(w: ptr<storage, array<vec4u>, read>, planes: vec4u, at: u32) -> Group {
  let x = (*w)[planes.x + at];
  return Group(e4m3fnuz(x.x), e4m3fnuz(x.y), e4m3fnuz(x.z), e4m3fnuz(x.w));
}

fn e4m3fnuz(x: u32) -> vec4f {
  let codes = unpack4xU8(x);
  return specials(small_floats(codes, 8u, 3u, 8u), 0x7fc00000u, codes == vec4u(128u));
}

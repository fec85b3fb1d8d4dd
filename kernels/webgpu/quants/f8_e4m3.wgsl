// F8_E4M3, sixteen values a group.
// uses: small_floats

const GROUP = 16u;
alias Group = array<vec4f, GROUP / 4u>;

fn decode(w: ptr<storage, array<vec4u>, read>, planes: vec4u, at: u32) -> Group {
  let x = (*w)[planes.x + at];
  return Group(e4m3(x.x), e4m3(x.y), e4m3(x.z), e4m3(x.w));
}

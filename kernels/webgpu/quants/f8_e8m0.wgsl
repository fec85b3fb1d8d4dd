// F8_E8M0, sixteen values a group: 2^(e - 127), 255 is NaN.

const GROUP = 16u;
alias Group = array<vec4f, GROUP / 4u>;

fn decode(w: ptr<storage, array<vec4u>, read>, planes: vec4u, at: u32) -> Group {
  let x = (*w)[planes.x + at];
  return Group(e8m0(x.x), e8m0(x.y), e8m0(x.z), e8m0(x.w));
}

fn e8m0(x: u32) -> vec4f {
  let e = unpack4xU8(x);
  let value = select(e << vec4u(23u), vec4u(0x00400000u), e == vec4u(0u)); // 2^-127 is subnormal
  return bitcast<vec4f>(select(value, vec4u(0x7fc00000u), e == vec4u(255u)));
}

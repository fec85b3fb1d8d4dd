// F8_E5M2FNUZ, sixteen values a group: [seeeeemm] with bias 16, NaN where only s is set.
// uses: small_floats

const GROUP = 16u;
alias Group = array<vec4f, GROUP / 4u>;

fn decode(w: ptr<storage, array<vec4u>, read>, planes: vec4u, at: u32) -> Group {
  let x = (*w)[planes.x + at];
  return Group(e5m2fnuz(x.x), e5m2fnuz(x.y), e5m2fnuz(x.z), e5m2fnuz(x.w));
}

// No exponent is special, so that it is one too many for an F16: as F32, and what is subnormal by itself.
fn e5m2fnuz(x: u32) -> vec4f {
  let code = unpack4xU8(x);
  let magnitude = code & vec4u(127u);
  let normal = (magnitude << vec4u(21u)) + vec4u(111u << 23u);
  let small = bitcast<vec4u>(vec4f(magnitude) * 0x1p-17);
  let value = select(normal, small, magnitude < vec4u(4u)) | ((code & vec4u(128u)) << vec4u(24u));
  return bitcast<vec4f>(select(value, vec4u(0x7fc00000u), code == vec4u(128u)));
}

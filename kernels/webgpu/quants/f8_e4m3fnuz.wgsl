// F8_E4M3FNUZ, sixteen values a group: [seeeemmm] with bias 8, NaN where only s is set.
// uses: small_floats

const GROUP = 16u;
alias Group = array<vec4f, GROUP / 4u>;

fn decode(w: ptr<storage, array<vec4u>, read>, planes: vec4u, at: u32) -> Group {
  let x = (*w)[planes.x + at];
  return Group(e4m3fnuz(x.x), e4m3fnuz(x.y), e4m3fnuz(x.z), e4m3fnuz(x.w));
}

fn e4m3fnuz(x: u32) -> vec4f {
  return 128.0 * paired_halves(e4m3fnuz_halves(x & 0x00ff00ffu), e4m3fnuz_halves((x >> 8u) & 0x00ff00ffu));
}

fn e4m3fnuz_halves(x: u32) -> u32 {
  let magnitude = x & 0x007f007fu;
  let sign = x & 0x00800080u;
  let nan = sign & ~(magnitude + 0x007f007fu);
  return (magnitude << 7u) | (sign << 8u) | (nan * 0xfcu); // 0x80 * 0xfc: an exponent and a mantissa that say NaN
}

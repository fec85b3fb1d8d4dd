// BF16, eight values a group: the upper halves of floats.

const GROUP = 8u;
alias Group = array<vec4f, GROUP / 4u>;

fn decode(w: ptr<storage, array<vec4u>, read>, planes: vec4u, at: u32) -> Group {
  let x = (*w)[planes.x + at];
  let low = bitcast<vec4f>(x << vec4u(16u));
  let high = bitcast<vec4f>(x & vec4u(0xffff0000u));
  return Group(vec4f(low.x, high.x, low.y, high.y), vec4f(low.z, high.z, low.w, high.w));
}

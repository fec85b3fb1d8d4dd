// F32, four values a group.

const GROUP = 4u;
alias Group = array<vec4f, GROUP / 4u>;

fn decode(w: ptr<storage, array<vec4u>, read>, planes: vec4u, at: u32) -> Group {
  return Group(bitcast<vec4f>((*w)[planes.x + at]));
}

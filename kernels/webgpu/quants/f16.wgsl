// F16, eight values a group.

const GROUP = 8u;
alias Group = array<vec4f, GROUP / 4u>;

fn decode(w: ptr<storage, array<vec4u>, read>, planes: vec4u, at: u32) -> Group {
  let x = (*w)[planes.x + at];
  return Group(
    vec4f(unpack2x16float(x.x), unpack2x16float(x.y)),
    vec4f(unpack2x16float(x.z), unpack2x16float(x.w)),
  );
}

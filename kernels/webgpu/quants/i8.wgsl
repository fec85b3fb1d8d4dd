// I8, sixteen values a group.
// uses: planes

const GROUP = 16u;
alias Group = array<vec4f, GROUP / 4u>;

fn decode(w: ptr<storage, array<vec4u>, read>, planes: vec4u, at: u32) -> Group {
  let x = (*w)[planes.x + at];
  return Group(signed4(x.x), signed4(x.y), signed4(x.z), signed4(x.w));
}

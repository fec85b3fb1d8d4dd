// F6_E2M3, [seemmm] with bias 1, 32 values a group, four in three bytes from the lowest bit on.
// uses: sixes, small_floats

const GROUP = 32u;
alias Group = array<vec4f, GROUP / 4u>;

fn decode(w: ptr<storage, array<vec4u>, read>, planes: vec4u, at: u32) -> Group {
  let codes = sixes(w, planes.x, at);
  return Group(
    f6_e2m3_values(codes[0]), f6_e2m3_values(codes[1]), f6_e2m3_values(codes[2]), f6_e2m3_values(codes[3]),
    f6_e2m3_values(codes[4]), f6_e2m3_values(codes[5]), f6_e2m3_values(codes[6]), f6_e2m3_values(codes[7]),
  );
}

fn f6_e2m3_values(q: vec4u) -> vec4f { return small_floats(q, 6u, 3u, 1u); }

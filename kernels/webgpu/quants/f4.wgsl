// F4, E2M1, 32 values a group, two in a byte, the first one low.
// uses: small_floats

const GROUP = 32u;
alias Group = array<vec4f, GROUP / 4u>;

fn decode(w: ptr<storage, array<vec4u>, read>, planes: vec4u, at: u32) -> Group {
  let x = (*w)[planes.x + at];
  return Group(
    f4_first(x.x), f4_second(x.x),
    f4_first(x.y), f4_second(x.y),
    f4_first(x.z), f4_second(x.z),
    f4_first(x.w), f4_second(x.w),
  );
}

// Four of the eight in a word.
fn f4_first(x: u32) -> vec4f { return f4_values(x); }
fn f4_second(x: u32) -> vec4f { return f4_values(x >> 16u); }
fn f4_values(x: u32) -> vec4f { return small_floats(vec4u(x) >> vec4u(0u, 4u, 8u, 12u), 4u, 1u, 1u); }

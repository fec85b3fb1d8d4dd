// Q2_0, 32 of a block of 64 a group: value = d * (q - 1). Planes: 16 bytes of four codes each; d (F16).
// uses: planes

const GROUP = 32u;
alias Group = array<vec4f, GROUP / 4u>;

fn decode(w: ptr<storage, array<vec4u>, read>, planes: vec4u, at: u32) -> Group {
  let d = plane_f16(w, planes.y, at >> 1u);
  let x = plane_pair(w, planes.x, at);
  let low = unpack4xU8(x.x);
  let high = unpack4xU8(x.y);
  return Group(
    d * q2_0_codes(low.x), d * q2_0_codes(low.y), d * q2_0_codes(low.z), d * q2_0_codes(low.w),
    d * q2_0_codes(high.x), d * q2_0_codes(high.y), d * q2_0_codes(high.z), d * q2_0_codes(high.w),
  );
}

fn q2_0_codes(x: u32) -> vec4f {
  return vec4f((vec4u(x) >> vec4u(0u, 2u, 4u, 6u)) & vec4u(3u)) - 1.0;
}

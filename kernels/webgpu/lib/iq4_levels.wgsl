// The 16 levels of IQ4_NL and IQ4_XS: -127 -104 -83 -65, -49 -35 -22 -10, 1 13 25 38, 53 69 89 113.

// Of codes in four bytes. In four words and found by choices: an array would lie in memory.
fn iq4_levels(codes: u32) -> vec4f {
  let q = unpack4xU8(codes);
  let second = (q & vec4u(4u)) != vec4u(0u);
  let low = select(vec4u(0xbfad9881u), vec4u(0xf6eaddcfu), second);
  let high = select(vec4u(0x26190d01u), vec4u(0x71594535u), second);
  let four = select(low, high, (q & vec4u(8u)) != vec4u(0u));
  return vec4f(bitcast<vec4i>(four << (vec4u(24u) - 8u * (q & vec4u(3u)))) >> vec4u(24u));
}

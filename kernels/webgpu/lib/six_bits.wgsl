// The six-bit scales and least values of Q4_K and Q5_K. Bytes of a block's head, a vec4u:
//
//   0 1     2 3         4 ... 7                   8 ... 11                  12 ... 15
//  [d: F16][dmin: F16] [s4 high two|s0 all six]  [m4 high two|m0 all six]  [m4 low four|s4 low four]  so on for 1 to 3

// d * s and dmin * m of group j of 8; both exact.
fn scale_and_least(head: vec4u, j: u32) -> vec2f {
  let shift = 8u * (j & 3u);
  let six = head.yz >> vec2u(shift);
  let low = (head.ww >> vec2u(shift, shift + 4u)) & vec2u(15u);
  let codes = select(six & vec2u(63u), low | ((six >> vec2u(2u)) & vec2u(0x30u)), j >= 4u);
  return unpack2x16float(head.x) * vec2f(codes);
}

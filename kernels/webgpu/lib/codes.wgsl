// Codes of a few bits, four in a word of each result, one in each byte.

// The halves of the bytes.
fn low_nibbles(x: vec4u) -> vec4u { return x & vec4u(0x0f0f0f0fu); }
fn high_nibbles(x: vec4u) -> vec4u { return (x >> vec4u(4u)) & vec4u(0x0f0f0f0fu); }
// The fields of so many bits from bit `first` of each byte on.
fn nibbles(x: vec4u, first: u32) -> vec4u { return (x >> vec4u(first)) & vec4u(0x0f0f0f0fu); }
fn pairs(x: vec4u, first: u32) -> vec4u { return (x >> vec4u(first)) & vec4u(0x03030303u); }
fn bits(x: vec4u, first: u32) -> vec4u { return (x >> vec4u(first)) & vec4u(0x01010101u); }

// The 16 low bits of a word, in their order: the product puts each of four bits at the bottom of a byte.
fn spread(x: u32) -> vec4u {
  let four = (vec4u(x) >> vec4u(0u, 4u, 8u, 12u)) & vec4u(15u);
  return (four * vec4u(0x00204081u)) & vec4u(0x01010101u);
}

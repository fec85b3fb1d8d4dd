// Floats by their bits, as whole numbers of the same order: drivers may take it that there is neither infinity nor NaN.

// 0: -infinity or NaN. -0 equals 0.
fn order_of(bits: u32) -> u32 {
  if ((bits & 0x7fffffffu) > 0x7f800000u || bits == 0xff800000u) { return 0u; }
  if (bits == 0x80000000u) { return bits; }
  return select(bits | 0x80000000u, ~bits, bits >= 0x80000000u);
}

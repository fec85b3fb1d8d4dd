// Floats of at most eight bits, [sem], made without subnormal halves or floats: devices may take those for zero.

// Codes of so many bits, whatever is above them, with so many bits of mantissa and no exponent that is special.
// As if every exponent had a leading one, y is right where e > 0. Where e = 0, y is 2^-bias + half of what is meant.
// y and 2 y - 2^(1 - bias) meet at the smallest normal; below it the second one is less, above it y. Both are exact.
fn small_floats(codes: vec4u, bits: u32, mantissa: u32, bias: u32) -> vec4f {
  let magnitude = codes & vec4u((1u << (bits - 1u)) - 1u);
  let y = bitcast<vec4f>((magnitude << vec4u(23u - mantissa)) + vec4u((127u - bias) << 23u));
  let value = min(2.0 * y - bitcast<f32>((128u - bias) << 23u), y);
  return bitcast<vec4f>(bitcast<vec4u>(value) | ((codes << vec4u(32u - bits)) & vec4u(0x80000000u)));
}

// Infinity (0x7f800000, if the mantissa is 0) or NaN (0x7fc00000) for some of the values.
fn specials(values: vec4f, bits: u32, which: vec4<bool>) -> vec4f {
  return bitcast<vec4f>(bitcast<vec4u>(values) | select(vec4u(0u), vec4u(bits), which));
}

// The lower halves of four bytes, [seem], whose bias is 1: 0 doubles them. Of the upper halves: of x >> 4.
fn e2m1(x: u32, bias: u32) -> vec4f { return small_floats(unpack4xU8(x), 4u, 1u, bias); }

// Four bytes [seeeemmm] with bias 7, NaN where all of e and m is set.
fn e4m3(x: u32) -> vec4f {
  let codes = unpack4xU8(x);
  return specials(small_floats(codes, 8u, 3u, 7u), 0x7fc00000u, (codes & vec4u(127u)) == vec4u(127u));
}

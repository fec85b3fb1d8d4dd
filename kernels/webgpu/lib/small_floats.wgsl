// Floats of at most eight bits, read as F16 whose exponents are too small: a product with a power of two, which is
// exact, puts them right, and what is subnormal stays so.

// Bits of F16, each in the lower half of its word.
fn halves(x: vec4u) -> vec4f {
  return vec4f(unpack2x16float(x.x | (x.y << 16u)), unpack2x16float(x.z | (x.w << 16u)));
}

// Bits of F16, two in a word: of values 0 and 2, and of values 1 and 3.
fn paired_halves(even: u32, odd: u32) -> vec4f {
  let a = unpack2x16float(even);
  let b = unpack2x16float(odd);
  return vec4f(a.x, b.x, a.y, b.y);
}

// The lower halves of four bytes, [seem] with bias 1, doubled: whole numbers. Of the upper halves: of x >> 4.
fn doubled_e2m1(x: u32) -> vec4f {
  let even = ((x & 0x00070007u) << 9u) | ((x & 0x00080008u) << 12u);
  let odd = ((x & 0x07000700u) << 1u) | ((x & 0x08000800u) << 4u);
  return 32768.0 * paired_halves(even, odd);
}

// Four bytes [seeeemmm] with bias 7.
fn e4m3(x: u32) -> vec4f {
  return 256.0 * paired_halves(e4m3_halves(x & 0x00ff00ffu), e4m3_halves((x >> 8u) & 0x00ff00ffu));
}

// All of e and m set, and only that, carries into bit 7, the missing bit of an exponent that says NaN.
fn e4m3_halves(x: u32) -> u32 {
  let magnitude = x & 0x007f007fu;
  let nan = (magnitude + 0x00010001u) & 0x00800080u;
  return ((magnitude | nan) << 7u) | ((x & 0x00800080u) << 8u);
}

// The grids of the IQ types, one after another as src/backends/webgpu/grids.ts lays them down: bytes, four in a word.

@group(0) @binding(15) var<storage, read> grids: array<u32>;

// Where they begin.
const IQ1 = 0u;
const IQ2_XXS = 4096u;
const IQ2_XS = 4608u;
const IQ2_S = 5632u;
const IQ3_XXS = 7680u;
const IQ3_S = 7936u;

// Half `half` of a point of eight values, of a grid without and with signs of its own.
fn half_point(grid: u32, point: u32, half: u32) -> vec4f { return vec4f(unpack4xU8(grids[grid + 2u * point + half])); }
fn half_signed_point(grid: u32, point: u32, half: u32) -> vec4f {
  return vec4f(unpack4xI8(grids[grid + 2u * point + half]));
}
// A point of four values.
fn point4(grid: u32, point: u32) -> vec4f { return vec4f(unpack4xU8(grids[grid + point])); }

// Negated where a bit of `signs` is set, of the first value the lowest.
fn with_signs(values: vec4f, signs: u32) -> vec4f {
  let negative = (vec4u(signs) << vec4u(31u, 30u, 29u, 28u)) & vec4u(0x80000000u);
  return bitcast<vec4f>(bitcast<vec4u>(values) ^ negative);
}

// Eight signs from the seven lowest bits: the number of minus signs is always even, which gives the eighth.
fn even_signs(x: u32) -> u32 {
  let seven = x & 127u;
  return seven | ((countOneBits(seven) & 1u) << 7u);
}

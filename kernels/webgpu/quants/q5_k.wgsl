// Q5_K, 32 of a block of 256 a group: value = d * s * q - dmin * m. One plane of whole blocks, eleven vec4u's: the
// head of six_bits.wgsl, 32 bytes of fifth bits, bit j for group j, then the nibbles of Q4_K.
// uses: codes, planes, six_bits

const GROUP = 32u;
alias Group = array<vec4f, GROUP / 4u>;

fn decode(w: ptr<storage, array<vec4u>, read>, planes: vec4u, at: u32) -> Group {
  let block = planes.x + 11u * (at >> 3u);
  let j = at & 7u;
  let ramp = scale_and_least((*w)[block], j);
  let codes = block + 3u + 2u * (j >> 1u);
  let low = nibbles((*w)[codes], 4u * (j & 1u)) | (bits((*w)[block + 1u], j) << vec4u(4u));
  let high = nibbles((*w)[codes + 1u], 4u * (j & 1u)) | (bits((*w)[block + 2u], j) << vec4u(4u));
  return Group(
    ramp.x * unsigned4(low.x) - ramp.y, ramp.x * unsigned4(low.y) - ramp.y,
    ramp.x * unsigned4(low.z) - ramp.y, ramp.x * unsigned4(low.w) - ramp.y,
    ramp.x * unsigned4(high.x) - ramp.y, ramp.x * unsigned4(high.y) - ramp.y,
    ramp.x * unsigned4(high.z) - ramp.y, ramp.x * unsigned4(high.w) - ramp.y,
  );
}

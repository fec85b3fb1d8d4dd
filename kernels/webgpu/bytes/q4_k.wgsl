// Q4_K as bytes: the plane of quants/q4_k.wgsl.
// uses: codes, six_bits, weight_bytes

fn decode(w: ptr<storage, array<vec4u>, read>, planes: vec4u, at: u32) -> Group {
  let block = planes.x + 9u * (at >> 3u);
  let j = at & 7u;
  let codes = block + 1u + 2u * (j >> 1u);
  return Group(
    nibbles((*w)[codes], 4u * (j & 1u)),
    nibbles((*w)[codes + 1u], 4u * (j & 1u)),
    scale_and_least((*w)[block], j),
  );
}

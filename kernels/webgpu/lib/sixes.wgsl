// Codes of six bits, 32 in six words, one after another from the lowest bit on.

fn sixes(w: ptr<storage, array<vec4u>, read>, plane: u32, at: u32) -> array<vec4u, 8> {
  let a = (*w)[plane + ((3u * at) >> 1u)];
  let b = (*w)[plane + ((3u * at) >> 1u) + 1u];
  let odd = (at & 1u) == 1u; // then they begin in the middle of a
  let x = select(a, vec4u(a.zw, b.xy), odd);
  let y = select(b.xy, b.zw, odd);
  return array<vec4u, 8>(
    four_sixes(x.x), four_sixes((x.x >> 24u) | (x.y << 8u)),
    four_sixes((x.y >> 16u) | (x.z << 16u)), four_sixes(x.z >> 8u),
    four_sixes(x.w), four_sixes((x.w >> 24u) | (y.x << 8u)),
    four_sixes((y.x >> 16u) | (y.y << 16u)), four_sixes(y.y >> 8u),
  );
}

fn four_sixes(x: u32) -> vec4u { return (vec4u(x) >> vec4u(0u, 6u, 12u, 18u)) & vec4u(63u); }

// Four neighbours of a row of floats, which begin at any place: zeros for those beyond the `left` that there are.

fn four_of(x: ptr<storage, array<f32>, read>, at: u32, left: u32) -> vec4f {
  if (left >= 4u) { return vec4f((*x)[at], (*x)[at + 1u], (*x)[at + 2u], (*x)[at + 3u]); }
  var four = vec4f();
  for (var j = 0u; j < left; j++) { four[j] = (*x)[at + j]; }
  return four;
}

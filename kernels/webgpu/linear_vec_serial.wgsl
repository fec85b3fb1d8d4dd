// Products of few tokens: a thread for a few rows, no barrier.
// uses: results

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) id: vec3u, @builtin(local_invocation_index) thread: u32) {
  let first = row_of(id.y * 64u + thread, id.z * 64u);
  if (first >= params.cover) { return; }
  var sums: array<Sum, ROWS>;
  for (var g = 0u; g < params.groups; g++) { add_group(&sums, id.x, first, g); }
  for (var row = 0u; row < RESULTS; row++) {
    for (var i = 0u; i < TOKENS; i++) {
      var products: Products;
      for (var f = 0u; f < FACTORS; f++) { products[f] = of_token(sums[row * FACTORS + f], i); }
      keep_result(id.x, i, first, row, products);
    }
  }
}

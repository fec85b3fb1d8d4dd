// Products of few tokens: a workgroup for a few rows, its threads side by side along the columns.
// uses: results

const WG = 64u;

// Sums of each row, of all threads.
var<workgroup> partials: array<array<Sum, WG>, ROWS>;

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) id: vec3u, @builtin(local_invocation_index) thread: u32) {
  let first = row_of(id.y, id.z);
  if (first >= params.cover) { return; }
  var sums: array<Sum, ROWS>;
  for (var g = thread; g < params.groups; g += WG) { add_group(&sums, id.x, first, g); }
  for (var j = 0u; j < ROWS; j++) { partials[j][thread] = sums[j]; }
  for (var half = WG / 2u; half > 0u; half >>= 1u) {
    workgroupBarrier();
    if (thread < half) {
      for (var j = 0u; j < ROWS; j++) { partials[j][thread] += partials[j][thread + half]; }
    }
  }
  workgroupBarrier();
  if (thread >= RESULTS * TOKENS) { return; }
  let row = thread / TOKENS;
  var products: Products;
  for (var f = 0u; f < FACTORS; f++) { products[f] = of_token(partials[row * FACTORS + f][0], thread % TOKENS); }
  keep_result(id.x, thread % TOKENS, first, row, products);
}

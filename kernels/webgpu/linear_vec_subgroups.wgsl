// Products of few tokens: a workgroup for a few rows, its threads side by side along the columns.
// uses: results

enable subgroups;
requires subgroup_id;

const WG = 64u;

// Sums of each row, of each subgroup; none has fewer than four threads.
var<workgroup> partials: array<array<Sum, WG / 4u>, ROWS>;

@compute @workgroup_size(WG)
fn main(
  @builtin(workgroup_id) id: vec3u,
  @builtin(local_invocation_index) thread: u32,
  @builtin(subgroup_id) subgroup: u32,
  @builtin(num_subgroups) subgroups: u32,
) {
  let first = row_of(id.y, id.z);
  if (first >= params.cover) { return; }
  var sums: array<Sum, ROWS>;
  for (var g = thread; g < params.groups; g += WG) { add_group(&sums, id.x, first, g); }
  for (var j = 0u; j < ROWS; j++) {
    let sum = subgroupAdd(sums[j]);
    if (subgroupElect()) { partials[j][subgroup] = sum; }
  }
  workgroupBarrier();
  if (thread >= RESULTS * TOKENS) { return; }
  let row = thread / TOKENS;
  var products: Products;
  for (var f = 0u; f < FACTORS; f++) {
    var total = partials[row * FACTORS + f][0];
    for (var s = 1u; s < subgroups; s++) { total += partials[row * FACTORS + f][s]; }
    products[f] = of_token(total, thread % TOKENS);
  }
  keep_result(id.x, thread % TOKENS, first, row, products);
}

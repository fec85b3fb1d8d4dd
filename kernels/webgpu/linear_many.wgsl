// Products of many tokens: a workgroup for a tile of rows and tokens. It goes along the columns and decodes what it
// needs of the weights once; each thread holds sums of 8 rows and 4 tokens.
// uses: product, many

@group(0) @binding(3) var<storage, read> x: array<vec4f>;

const WG = 128u;
// Rows of weights and tokens of a tile; columns at a time, in vec4f's.
const TILE = 64u;
const DEPTH = 8u;
// Threads side by side along rows, and along tokens.
const DOWN = 8u;
const ACROSS = 16u;
const ROWS = TILE / DOWN;
const TOKENS = TILE / ACROSS;
const RESULTS = ROWS / FACTORS;
const GROUPS = 4u * DEPTH / GROUP;

var<workgroup> weights: array<vec4f, TILE * DEPTH>;
var<workgroup> xs: array<vec4f, TILE * DEPTH>;

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) id: vec3u, @builtin(local_invocation_index) thread: u32) {
  let first = id.y * (TILE / FACTORS);
  let count = many_count(id.z);
  let t = id.x * TILE;
  if (first >= params.cover || t >= count) { return; }
  let down = thread % DOWN;
  let across = thread / DOWN;
  var sums: array<array<f32, TOKENS>, ROWS>;
  for (var g = 0u; g < params.groups; g += GROUPS) {
    for (var i = thread; i < TILE * GROUPS; i += WG) { decode_group(id.z, first, g, i); }
    for (var i = thread; i < TILE * DEPTH; i += WG) {
      let token = min(t + i / DEPTH, count - 1u);
      xs[cell(i / DEPTH, i % DEPTH)] = x[many_x(id.z, token) + g * (GROUP / 4u) + i % DEPTH];
    }
    workgroupBarrier();
    for (var k = 0u; k < DEPTH; k++) {
      var w: array<vec4f, ROWS>;
      for (var j = 0u; j < ROWS; j++) { w[j] = weights[cell(down + DOWN * j, k)]; }
      for (var i = 0u; i < TOKENS; i++) {
        // Most steps of more than a few tokens do not fill a tile.
        if (t + ACROSS * i >= count) { continue; }
        let v = xs[cell(across + ACROSS * i, k)];
        for (var j = 0u; j < ROWS; j++) { sums[j][i] += dot(w[j], v); }
      }
    }
    workgroupBarrier();
  }
  for (var i = 0u; i < TOKENS; i++) {
    let token = t + across + ACROSS * i;
    for (var row = 0u; row < RESULTS; row++) {
      var products: Products;
      for (var f = 0u; f < FACTORS; f++) { products[f] = sums[row * FACTORS + f][i]; }
      let r = first + down + DOWN * row;
      if (token < count && r < params.cover) { many_keep(id.z, token, r, products); }
    }
  }
}

// Where vec4f k of a row of a tile lies: so that neighbouring rows' lie in different banks.
fn cell(row: u32, k: u32) -> u32 { return row * DEPTH + (k ^ (row % DEPTH)); }

// Group i of those of a tile that are wanted at a time. A thread's rows of a tile are DOWN apart: first the factors of
// its first result, then of the next.
fn decode_group(z: u32, first: u32, g: u32, i: u32) {
  let row = i / GROUPS;
  let j = row / DOWN;
  let weight_row = many_row(z, first + row % DOWN + DOWN * (j / FACTORS));
  let values = factor_group(j % FACTORS, weight_row, g + i % GROUPS);
  for (var k = 0u; k < GROUP / 4u; k++) { weights[cell(row, (i % GROUPS) * (GROUP / 4u) + k)] = values[k]; }
}

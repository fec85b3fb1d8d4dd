// Products of many tokens by the device's own products of small matrices: a workgroup for a tile of rows and tokens,
// its subgroups for a quarter each. Weights and activations are rounded to F16; sums are F32. Activations come from
// to_halves.wgsl: divided by powers of two, since F16 ends at 65504.
// uses: product, matrix

enable f16;
enable subgroups;
enable chromium_experimental_subgroup_matrix;
requires subgroup_id;

@group(0) @binding(3) var<storage, read> x: array<vec4u>;

// Subgroups have 32 threads where this is used (lower/forms.ts).
const WG = 128u;
const LANES = 32u;
// Rows of weights and tokens of a tile; columns at a time, and halves from one row to the next, which so lie in other
// banks.
const TILE = 64u;
const DEPTH = 32u;
const APART = 40u;
const GROUPS = DEPTH / GROUP;
const RESULTS = TILE / FACTORS;
// Matrices along each side of a quarter.
const SIDES = TILE / 2u / SIDE;

var<workgroup> weights: array<f16, TILE * APART>;
var<workgroup> xs: array<f16, TILE * APART>;
var<workgroup> results: array<f32, 4u * SIDE * SIDE>;

@compute @workgroup_size(WG)
fn main(
  @builtin(workgroup_id) id: vec3u,
  @builtin(local_invocation_index) thread: u32,
  @builtin(subgroup_id) subgroup: u32,
  @builtin(subgroup_invocation_id) lane: u32,
) {
  let first = id.y * RESULTS;
  let count = row_count(params.rows);
  let t = id.x * TILE;
  if (first >= params.cover || t >= count) { return; }
  let down = subgroup % 2u * (TILE / 2u);
  let across = subgroup / 2u * (TILE / 2u);
  var sums: array<Result, SIDES * SIDES>;
  for (var g = 0u; g < params.groups; g += GROUPS) {
    for (var i = thread; i < TILE * GROUPS; i += WG) { decode_group(first, g, i); }
    for (var i = thread; i < TILE * 4u; i += WG) { copy_halves(min(t + i / 4u, count - 1u), g / GROUPS, i); }
    workgroupBarrier();
    for (var k = 0u; k < DEPTH; k += SIDE) {
      var w: array<Right, SIDES>;
      for (var j = 0u; j < SIDES; j++) {
        w[j] = subgroupMatrixLoad<Right, col_major>(&weights, (down + j * SIDE) * APART + k, APART);
      }
      for (var i = 0u; i < SIDES; i++) {
        let v = subgroupMatrixLoad<Left, row_major>(&xs, (across + i * SIDE) * APART + k, APART);
        for (var j = 0u; j < SIDES; j++) {
          sums[i * SIDES + j] = subgroupMatrixMultiplyAccumulate(v, w[j], sums[i * SIDES + j]);
        }
      }
    }
    workgroupBarrier();
  }
  for (var i = 0u; i < SIDES; i++) {
    for (var j = 0u; j < SIDES; j++) {
      subgroupMatrixStore<row_major>(&results, subgroup * SIDE * SIDE, sums[i * SIDES + j], SIDE);
      workgroupBarrier();
      keep_matrix(subgroup, lane, t + across + i * SIDE, first, down + j * SIDE);
      workgroupBarrier();
    }
  }
}

// Group i of those of a tile that are wanted at a time. The rows of each result's factors are neighbours.
fn decode_group(first: u32, g: u32, i: u32) {
  let row = i / GROUPS;
  let values = factor_group(row % FACTORS, first + row / FACTORS, g + i % GROUPS);
  let at = row * APART + i % GROUPS * GROUP;
  for (var j = 0u; j < GROUP; j++) { weights[at + j] = f16(clamp(values[j / 4u][j % 4u], -65504.0, 65504.0)); }
}

// Where what to_halves.wgsl made of a token's row begins.
fn halves_of(t: u32) -> u32 { return t * (stride(params.columns) / 8u + 1u); }

// Eight values: part i of a tile, where a row has four.
fn copy_halves(t: u32, tile: u32, i: u32) {
  let eight = x[halves_of(t) + 4u * tile + i % 4u];
  let at = i / 4u * APART + i % 4u * 8u;
  for (var j = 0u; j < 4u; j++) {
    let two = bitcast<vec2<f16>>(eight[j]);
    xs[at + 2u * j] = two.x;
    xs[at + 2u * j + 1u] = two.y;
  }
}

// What lies in a subgroup's part of `results`: products of tokens from t on and rows of a tile from `row` on.
fn keep_matrix(subgroup: u32, lane: u32, t: u32, first: u32, row: u32) {
  const across = SIDE / FACTORS;
  for (var i = lane; i < SIDE * across; i += LANES) {
    let token = t + i / across;
    let r = first + row / FACTORS + i % across;
    if (token >= row_count(params.rows) || r >= params.cover) { continue; }
    let scale = bitcast<f32>(x[halves_of(token) + stride(params.columns) / 8u].x);
    var products: Products;
    for (var f = 0u; f < FACTORS; f++) {
      products[f] = scale * results[(subgroup * SIDE + i / across) * SIDE + i % across * FACTORS + f];
    }
    keep(token, r, products);
  }
}

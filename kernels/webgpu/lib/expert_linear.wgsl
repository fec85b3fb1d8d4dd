// The part `product` of expert_linear and group_linear: one stack, whose rows are rows of the results of a pair.
// uses: step, rows, quant, experts

struct Params {
  planes: vec4u,
  groups: u32,
  firstRow: u32,
  partRows: u32,
  cover: u32,
  height: u32, // rows of one matrix
  used: u32, // experts of a token
  chooses: u32, // 0: there is no `chosen`
  xRow: u32, // floats between rows of x, and between what experts of a token have of one
  xSlot: u32,
  rows: u32,
  lists: u32, // where `chosen` has lists of pairs, if it does
  bias: u32, // (experts, height)
}
@group(0) @binding(1) var<uniform> params: Params;
@group(0) @binding(2) var<storage, read> weight: array<vec4u>;
@group(0) @binding(4) var<storage, read> vectors: array<f32>;
@group(0) @binding(5) var<storage, read_write> out: array<f32>;
@group(0) @binding(6) var<storage, read> chosen: array<f32>; // (tokens, used)

const FACTORS = 1u;
alias Products = array<f32, FACTORS>;

// A row that this part does not have is its last one: nobody keeps its products.
fn factor_group(factor: u32, row: u32, g: u32) -> Group {
  return decode(&weight, params.planes, min(row, params.partRows - 1u) * params.groups + g);
}

fn keep(pair: u32, row: u32, products: Products) {
  if (fills_up(pair, row)) { out[out_of(pair) + row] = 0.0; }
  let expert = expert_of(pair);
  if (row >= params.height || stack_row(expert, row) >= params.partRows) { return; }
  var value = products[0];
  if (params.bias != NONE) { value += vectors[params.bias + expert * params.height + row]; }
  out[out_of(pair) + row] = value;
}

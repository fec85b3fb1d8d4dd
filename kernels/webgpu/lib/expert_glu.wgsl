// The part `product` of expert_glu: two stacks of one type and shape, of which rows of the same number make a value.
// uses: step, rows, activations, quant, experts

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
  gateBias: u32, // (experts, height)
  upBias: u32,
  activation: u32,
}
@group(0) @binding(1) var<uniform> params: Params;
@group(0) @binding(2) var<storage, read> gate_weight: array<vec4u>;
@group(0) @binding(4) var<storage, read> vectors: array<f32>;
@group(0) @binding(5) var<storage, read_write> out: array<f32>;
@group(0) @binding(6) var<storage, read> chosen: array<f32>; // (tokens, used)
@group(0) @binding(7) var<storage, read> up_weight: array<vec4u>;

const FACTORS = 2u;
alias Products = array<f32, FACTORS>;

// A row that this part does not have is its last one: nobody keeps its products.
fn factor_group(factor: u32, row: u32, g: u32) -> Group {
  let at = min(row, params.partRows - 1u) * params.groups + g;
  if (factor == 0u) { return decode(&gate_weight, params.planes, at); }
  return decode(&up_weight, params.planes, at);
}

fn keep(pair: u32, row: u32, products: Products) {
  if (fills_up(pair, row)) { out[out_of(pair) + row] = 0.0; }
  let expert = expert_of(pair);
  if (row >= params.height || stack_row(expert, row) >= params.partRows) { return; }
  var both = products;
  let of_expert = expert * params.height + row;
  if (params.gateBias != NONE) { both[0] += vectors[params.gateBias + of_expert]; }
  if (params.upBias != NONE) { both[1] += vectors[params.upBias + of_expert]; }
  out[out_of(pair) + row] = gate(params.activation, both[0], both[1]);
}

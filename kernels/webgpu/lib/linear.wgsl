// The part `product` of linear, linear_act and linear_add: one weight, whose rows are rows of the result.
// uses: step, rows, activations, quant

struct Params {
  planes: vec4u,
  groups: u32,
  firstRow: u32,
  partRows: u32,
  cover: u32,
  columns: u32,
  width: u32,
  rows: u32,
  bias: u32,
  activation: u32,
  residual: u32, // 0: none
}
@group(0) @binding(1) var<uniform> params: Params;
@group(0) @binding(2) var<storage, read> weight: array<vec4u>;
@group(0) @binding(4) var<storage, read> vectors: array<f32>;
@group(0) @binding(5) var<storage, read_write> out: array<f32>;
@group(0) @binding(6) var<storage, read> residual: array<f32>;

// Weights of which a row each makes one value of the result.
const FACTORS = 1u;
alias Products = array<f32, FACTORS>;

// A row beyond the last one is the last one: nobody keeps its products.
fn place_of(row: u32, g: u32) -> u32 { return min(row, params.partRows - 1u) * params.groups + g; }

fn factor_group(factor: u32, row: u32, g: u32) -> Group { return decode(&weight, params.planes, place_of(row, g)); }

// What rows beyond the last one get is what fills the result's rows up.
fn keep(t: u32, row: u32, products: Products) {
  let r = params.firstRow + row;
  let at = t * stride(params.width) + r;
  if (row >= params.partRows) {
    out[at] = 0.0;
    return;
  }
  var value = products[0];
  if (params.bias != NONE) { value += vectors[params.bias + r]; }
  if (params.activation != NONE) { value = activate(params.activation, value); }
  if (params.residual != 0u) { value += residual[at]; }
  out[at] = value;
}

// The part `product` of linear_glu: two weights of one type and shape, of which rows of the same number make a value.
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
  gateBias: u32,
  upBias: u32,
  activation: u32,
}
@group(0) @binding(1) var<uniform> params: Params;
@group(0) @binding(2) var<storage, read> gate_weight: array<vec4u>;
@group(0) @binding(4) var<storage, read> vectors: array<f32>;
@group(0) @binding(5) var<storage, read_write> out: array<f32>;
@group(0) @binding(6) var<storage, read> up_weight: array<vec4u>;

const FACTORS = 2u;
alias Products = array<f32, FACTORS>;

// A row beyond the last one is the last one: nobody keeps its products.
fn place_of(row: u32, g: u32) -> u32 { return min(row, params.partRows - 1u) * params.groups + g; }

fn factor_group(factor: u32, row: u32, g: u32) -> Group {
  if (factor == 0u) { return decode(&gate_weight, params.planes, place_of(row, g)); }
  return decode(&up_weight, params.planes, place_of(row, g));
}

// What rows beyond the last one get is what fills the result's rows up.
fn keep(t: u32, row: u32, products: Products) {
  let r = params.firstRow + row;
  let at = t * stride(params.width) + r;
  if (row >= params.partRows) {
    out[at] = 0.0;
    return;
  }
  var both = products;
  if (params.gateBias != NONE) { both[0] += vectors[params.gateBias + r]; }
  if (params.upBias != NONE) { both[1] += vectors[params.upBias + r]; }
  out[at] = gate(params.activation, both[0], both[1]);
}

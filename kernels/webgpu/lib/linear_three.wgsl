// The part `product` of neighbouring linears that read the same x, as of queries, keys and values: three weights of one
// type, whose rows make three results, one after another. Each fills its rows up before the next one's begin.
// uses: step, rows, quant

struct Params {
  planes: vec4u,
  secondPlanes: vec4u,
  thirdPlanes: vec4u,
  groups: u32,
  cover: u32,
  columns: u32,
  rows: u32,
  firstWidth: u32,
  secondWidth: u32,
  thirdWidth: u32, // 0: there are two
}
@group(0) @binding(1) var<uniform> params: Params;
@group(0) @binding(2) var<storage, read> first_weight: array<vec4u>;
@group(0) @binding(4) var<storage, read> second_weight: array<vec4u>;
@group(0) @binding(5) var<storage, read> third_weight: array<vec4u>;
@group(0) @binding(6) var<storage, read_write> first_out: array<f32>;
@group(0) @binding(7) var<storage, read_write> second_out: array<f32>;
@group(0) @binding(8) var<storage, read_write> third_out: array<f32>;

const FACTORS = 1u;
alias Products = array<f32, FACTORS>;

// Where the second one's rows begin, and the third one's.
fn second_row() -> u32 { return stride(params.firstWidth); }
fn third_row() -> u32 { return second_row() + stride(params.secondWidth); }

// A row beyond the last one is the last one: nobody keeps its products.
fn place_of(row: u32, width: u32, g: u32) -> u32 { return min(row, max(width, 1u) - 1u) * params.groups + g; }

fn factor_group(factor: u32, row: u32, g: u32) -> Group {
  if (row < second_row()) { return decode(&first_weight, params.planes, place_of(row, params.firstWidth, g)); }
  if (row < third_row()) {
    return decode(&second_weight, params.secondPlanes, place_of(row - second_row(), params.secondWidth, g));
  }
  return decode(&third_weight, params.thirdPlanes, place_of(row - third_row(), params.thirdWidth, g));
}

// What rows beyond the last one of a result get is what fills its rows up.
fn keep(t: u32, row: u32, products: Products) {
  if (row < second_row()) {
    first_out[t * stride(params.firstWidth) + row] = select(0.0, products[0], row < params.firstWidth);
  } else if (row < third_row()) {
    let r = row - second_row();
    second_out[t * stride(params.secondWidth) + r] = select(0.0, products[0], r < params.secondWidth);
  } else {
    let r = row - third_row();
    third_out[t * stride(params.thirdWidth) + r] = select(0.0, products[0], r < params.thirdWidth);
  }
}

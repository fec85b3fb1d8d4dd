// The part `tokens` of linear_vec for steps of one token: a row of each weight, which keeps programs small where
// drivers translate them for a CPU.
// uses: product

@group(0) @binding(3) var<storage, read> x: array<vec4f>;

const TOKENS = 1u;
const ROWS = FACTORS;
alias Sum = f32;

fn of_token(sum: Sum, i: u32) -> f32 { return sum; }

// Adds what group g of row `first` gives; `few`: which token.
fn add_group(sums: ptr<function, array<Sum, ROWS>>, few: u32, first: u32, g: u32) {
  let at = few * (stride(params.columns) / 4u) + g * (GROUP / 4u);
  for (var j = 0u; j < ROWS; j++) {
    let values = factor_group(j, first, g);
    for (var i = 0u; i < GROUP / 4u; i++) { (*sums)[j] += dot(values[i], x[at + i]); }
  }
}

// The part `tokens` of linear_vec for steps of one token.
// uses: product

@group(0) @binding(3) var<storage, read> x: array<vec4f>;

const TOKENS = 1u;
// Rows of weights that share what is read of x.
const ROWS = 4u;
alias Sum = f32;

fn of_token(sum: Sum, i: u32) -> f32 { return sum; }

// Adds what group g of rows from `first` on gives; `few`: which token.
fn add_group(sums: ptr<function, array<Sum, ROWS>>, few: u32, first: u32, g: u32) {
  let at = few * (stride(params.columns) / 4u) + g * (GROUP / 4u);
  var xs: Group;
  for (var i = 0u; i < GROUP / 4u; i++) { xs[i] = x[at + i]; }
  for (var j = 0u; j < ROWS; j++) {
    let values = factor_group(j % FACTORS, first + j / FACTORS, g);
    for (var i = 0u; i < GROUP / 4u; i++) { (*sums)[j] += dot(values[i], xs[i]); }
  }
}

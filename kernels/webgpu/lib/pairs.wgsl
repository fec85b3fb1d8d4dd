// The parts `tokens` and `results` of linear_vec for stacks of matrices: a few rows of a pair of a token and one of its
// experts. Pairs are numbered token by token.
// uses: product

@group(0) @binding(3) var<storage, read> x: array<vec4f>;

// Rows of weights that share what is read of x.
const ROWS = 4u;
const TOKENS = 1u;
const RESULTS = ROWS / FACTORS;
alias Sum = f32;

fn of_token(sum: Sum, i: u32) -> f32 { return sum; }

// The first row of so many neighbours; there may be more workgroups than one dimension of a grid takes.
fn row_of(y: u32, z: u32) -> u32 { return (y + z * 32768u) * RESULTS; }

// Adds what group g of rows from `first` on of the pair's expert gives, where the part of the weight has some of them.
fn add_group(sums: ptr<function, array<Sum, ROWS>>, pair: u32, first: u32, g: u32) {
  let row = stack_row(expert_of(pair), first);
  if (!has_any(row, RESULTS)) { return; }
  let at = x_of(pair) + g * (GROUP / 4u);
  var xs: Group;
  for (var i = 0u; i < GROUP / 4u; i++) { xs[i] = x[at + i]; }
  for (var j = 0u; j < ROWS; j++) {
    let values = factor_group(j % FACTORS, row + j / FACTORS, g);
    for (var i = 0u; i < GROUP / 4u; i++) { (*sums)[j] += dot(values[i], xs[i]); }
  }
}

// Row `row` from `first` on of the results of a pair.
fn keep_result(pair: u32, i: u32, first: u32, row: u32, products: Products) {
  if (first + row < params.cover) { keep(pair, first + row, products); }
}

// The part `tokens` of linear_vec for steps of more tokens: four share each decoded group, of a row of each weight.
// uses: product

@group(0) @binding(3) var<storage, read> x: array<vec4f>;

const TOKENS = 4u;
const ROWS = FACTORS;
// Of each token one.
alias Sum = vec4f;

fn of_token(sum: Sum, i: u32) -> f32 { return sum[i]; }

// Adds what group g of row `first` gives; `few`: which four tokens. One beyond the last one is the last one.
fn add_group(sums: ptr<function, array<Sum, ROWS>>, few: u32, first: u32, g: u32) {
  let tokens = min(4u * few + vec4u(0u, 1u, 2u, 3u), vec4u(row_count(params.rows) - 1u));
  let at = tokens * (stride(params.columns) / 4u) + g * (GROUP / 4u);
  for (var j = 0u; j < ROWS; j++) {
    let values = factor_group(j, first, g);
    for (var i = 0u; i < GROUP / 4u; i++) {
      (*sums)[j] += vec4f(dot(values[i], x[at.x + i]), dot(values[i], x[at.y + i]), dot(values[i], x[at.z + i]), dot(values[i], x[at.w + i]));
    }
  }
}

// The part `tokens` of linear_vec for steps of a few tokens, in bytes: up to four share each group of a weight.
// uses: product, byte_products

const TOKENS = 4u;
const ROWS = 4u;
// Of each token one.
alias Sum = vec4f;

fn of_token(sum: Sum, i: u32) -> f32 { return sum[i]; }

// Adds what group g of rows from `first` on gives; `few`: which four tokens.
fn add_group(sums: ptr<function, array<Sum, ROWS>>, few: u32, first: u32, g: u32) {
  var groups: array<Group, ROWS>;
  for (var j = 0u; j < ROWS; j++) { groups[j] = factor_group(j % FACTORS, first + j / FACTORS, g); }
  let count = min(TOKENS, row_count(params.rows) - few * TOKENS);
  for (var t = 0u; t < count; t++) {
    let values = x_bytes(few * TOKENS + t, g);
    let here = vec4u(0u, 1u, 2u, 3u) == vec4u(t);
    for (var j = 0u; j < ROWS; j++) {
      (*sums)[j] += select(vec4f(0.0), vec4f(product_of(groups[j], values)), here);
    }
  }
}

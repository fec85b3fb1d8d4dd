// The part `tokens` of linear_vec for steps of a few tokens: up to four share each decoded group.
// uses: product

@group(0) @binding(3) var<storage, read> x: array<vec4f>;

const TOKENS = 4u;
// Rows of weights that share what is read of x. All are held decoded meanwhile: more are more than many have room for.
const ROWS = 2u;
// Of each token one.
alias Sum = vec4f;

fn of_token(sum: Sum, i: u32) -> f32 { return sum[i]; }

// Adds what group g of rows from `first` on gives; `few`: which four tokens.
fn add_group(sums: ptr<function, array<Sum, ROWS>>, few: u32, first: u32, g: u32) {
  let a = factor_group(0u, first, g);
  let b = factor_group(1u % FACTORS, first + 1u / FACTORS, g);
  let row_stride = stride(params.columns) / 4u;
  var at = few * TOKENS * row_stride + g * (GROUP / 4u);
  let count = min(TOKENS, row_count(params.rows) - few * TOKENS);
  for (var t = 0u; t < count; t++) {
    var both = vec2f(0.0);
    for (var i = 0u; i < GROUP / 4u; i++) { both += vec2f(dot(a[i], x[at + i]), dot(b[i], x[at + i])); }
    let here = vec4u(0u, 1u, 2u, 3u) == vec4u(t);
    (*sums)[0] += select(vec4f(0.0), vec4f(both.x), here);
    (*sums)[1] += select(vec4f(0.0), vec4f(both.y), here);
    at += row_stride;
  }
}

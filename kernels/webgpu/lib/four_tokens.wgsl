// The part `tokens` of linear_vec for steps of a few tokens: four share each decoded group.
// uses: product

@group(0) @binding(3) var<storage, read> x: array<vec4f>;

const TOKENS = 4u;
// Rows of weights that share what is read of x. Both are held decoded meanwhile: more are more than many have room for.
const ROWS = 2u;
// Of each token one.
alias Sum = vec4f;

fn of_token(sum: Sum, i: u32) -> f32 { return sum[i]; }

// Adds what group g of rows from `first` on gives; `few`: which four tokens. One beyond the last one is the last one.
fn add_group(sums: ptr<function, array<Sum, ROWS>>, few: u32, first: u32, g: u32) {
  let tokens = min(4u * few + vec4u(0u, 1u, 2u, 3u), vec4u(row_count(params.rows) - 1u));
  let at = tokens * (stride(params.columns) / 4u) + g * (GROUP / 4u);
  let a = factor_group(0u, first, g);
  let b = factor_group(1u % FACTORS, first + 1u / FACTORS, g);
  for (var i = 0u; i < GROUP / 4u; i++) {
    let xs = mat4x4f(x[at.x + i], x[at.y + i], x[at.z + i], x[at.w + i]);
    (*sums)[0] += a[i] * xs;
    (*sums)[1] += b[i] * xs;
  }
}

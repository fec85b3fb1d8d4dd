// The results that linear_vec makes at once: a few rows of a few tokens, as the parts `product` and `tokens` say.
// uses: product, tokens

const RESULTS = ROWS / FACTORS;

// The first row of so many neighbours; there may be more workgroups than one dimension of a grid takes.
fn row_of(y: u32, z: u32) -> u32 { return (y + z * 32768u) * RESULTS; }

// Token i of a few, row `row` from `first` on; not if there is none.
fn keep_result(few: u32, i: u32, first: u32, row: u32, products: Products) {
  let t = few * TOKENS + i;
  if (t < row_count(params.rows) && first + row < params.cover) { keep(t, first + row, products); }
}

// The part `tokens` of linear_vec for steps of one token, in bytes.
// uses: product, byte_products

const TOKENS = 1u;
const ROWS = 4u;
alias Sum = f32;

fn of_token(sum: Sum, i: u32) -> f32 { return sum; }

// Adds what group g of rows from `first` on gives; `few`: which token.
fn add_group(sums: ptr<function, array<Sum, ROWS>>, few: u32, first: u32, g: u32) {
  let values = x_bytes(few, g);
  for (var j = 0u; j < ROWS; j++) {
    (*sums)[j] += product_of(factor_group(j % FACTORS, first + j / FACTORS, g), values);
  }
}

// The part `many` of linear_many for stacks of matrices: the rows of expert z meet the tokens that chose it.
// uses: product

fn many_count(z: u32) -> u32 {
  expert = z;
  // Another part of the stack has all of its rows.
  if (!has_any(stack_row(z, 0u), params.height)) { return 0u; }
  return list_length(z);
}

// Where the x of one of them begins, in vec4f's.
fn many_x(z: u32, i: u32) -> u32 { return x_of(listed(z, i)); }

fn many_row(z: u32, row: u32) -> u32 { return stack_row(z, row); }

fn many_keep(z: u32, i: u32, row: u32, products: Products) { keep(listed(z, i), row, products); }

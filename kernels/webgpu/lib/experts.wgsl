// Which rows of a stack of matrices a pair of a token and one of its experts has; groups are experts that all tokens
// have in their order.
// uses: step, rows

// Its expert; of a stack of groups its place among those of its token.
fn expert_of(pair: u32) -> u32 {
  let slot = pair % params.used;
  if (params.chooses == 0u) { return slot; }
  return u32(chosen[pair / params.used * stride(params.used) + slot]);
}

// Where row `row` of its matrix is, counted from the first row of this part of the stack: before it, a huge number.
fn stack_row(pair: u32, row: u32) -> u32 { return expert_of(pair) * params.height + row - params.firstRow; }

// Whether the part has any of `count` rows from this one on.
fn has_any(row: u32, count: u32) -> bool { return row < params.partRows || row + count - 1u < params.partRows; }

// Where its x begins, in vec4f's.
fn x_of(pair: u32) -> u32 { return (pair / params.used * params.xRow + pair % params.used * params.xSlot) / 4u; }

// Where its results begin.
fn out_of(pair: u32) -> u32 {
  return pair / params.used * stride(params.used * params.height) + pair % params.used * params.height;
}

// Whether these are the zeros after the last result of a row.
fn fills_up(pair: u32, row: u32) -> bool {
  let width = params.used * params.height;
  return pair % params.used == params.used - 1u && row >= params.height && row - params.height < stride(width) - width;
}

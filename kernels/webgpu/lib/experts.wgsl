// What a pair of a token and one of its experts has of a stack of matrices, of x and of the results. Groups are experts
// that all tokens have, in their order.
// uses: step, rows, expert_of

// Where a row of an expert's matrix is, counted from the first row of this part of the stack: before it, a huge number.
fn stack_row(expert: u32, row: u32) -> u32 { return expert * params.height + row - params.firstRow; }

// Whether some of `count` neighbouring rows, of which this is the first (as stack_row counts), lie in this part: the
// first one may lie before it.
fn has_any(row: u32, count: u32) -> bool { return i32(row) < i32(params.partRows) && i32(row + count) > 0; }

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

// The part `many` of linear_many for one weight: its rows meet every token.
// uses: product

fn many_count(z: u32) -> u32 { return row_count(params.rows); }

// Where the x of one of them begins, in vec4f's.
fn many_x(z: u32, i: u32) -> u32 { return i * (stride(params.columns) / 4u); }

fn many_row(z: u32, row: u32) -> u32 { return row; }

fn many_keep(z: u32, i: u32, row: u32, products: Products) { keep(i, row, products); }

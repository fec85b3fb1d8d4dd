// Where rows of keys and values lie, in vec4u (src/backends/webgpu/lower/kv.ts); for kernels whose parameters say how.
// uses: step

// Of the token at position `j` of span `s`.
fn key_row(s: u32, kv_head: u32, j: u32) -> u32 {
  let page = j / params.pageTokens;
  return span_page(s, page) * params.pageQuads
    + (kv_head * params.pageTokens + j - page * params.pageTokens) * params.keyQuads;
}

fn value_row(s: u32, kv_head: u32, j: u32) -> u32 {
  let page = j / params.pageTokens;
  return span_page(s, page) * params.pageQuads + params.kvHeads * params.pageTokens * params.keyQuads
    + (kv_head * params.pageTokens + j - page * params.pageTokens) * params.valueQuads;
}

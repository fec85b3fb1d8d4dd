// attend, first of all: keys and values of the step's tokens go to their pages. A thread for each block of a head.
// uses: step, rows, kv_pages, kv

struct Params {
  kvHeads: u32,
  headDim: u32,
  valueDim: u32,
  keyQuads: u32,
  valueQuads: u32,
  pageQuads: u32,
  pageTokens: u32,
}
@group(0) @binding(1) var<uniform> params: Params;
@group(0) @binding(2) var<storage, read> k: array<f32>;
@group(0) @binding(3) var<storage, read> v: array<f32>;
@group(0) @binding(4) var<storage, read_write> cache: array<u32>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let t = id.y;
  if (t >= token_count()) { return; }
  let key_blocks = (params.headDim + KV_BLOCK - 1u) / KV_BLOCK;
  let value_blocks = (params.valueDim + KV_BLOCK - 1u) / KV_BLOCK;
  let is_value = id.x >= params.kvHeads * key_blocks;
  let place = select(id.x, id.x - params.kvHeads * key_blocks, is_value);
  let blocks = select(key_blocks, value_blocks, is_value);
  let head = place / blocks;
  let block = place % blocks;
  if (head >= params.kvHeads) { return; }
  let dim = select(params.headDim, params.valueDim, is_value);
  let start = t * stride(params.kvHeads * dim) + head * dim;
  var values: KvBlock;
  for (var i = 0u; i < KV_BLOCK; i++) {
    let d = block * KV_BLOCK + i;
    if (d >= dim) { break; }
    if (is_value) { values[i / 4u][i % 4u] = v[start + d]; } else { values[i / 4u][i % 4u] = k[start + d]; }
  }
  let s = token_span(t);
  let j = token_position(t);
  if (is_value) {
    kv_store(&cache, value_row(s, head, j), block, values);
  } else {
    kv_store(&cache, key_row(s, head, j), block, values);
  }
}

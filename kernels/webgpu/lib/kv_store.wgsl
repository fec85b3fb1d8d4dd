// Storing keys and values: a thread for each block of a head, of keys and then of values. `key_at` is the kernel's.
// uses: step, rows, kv_pages

fn store_block(t: u32, place: u32) {
  let key_blocks = (params.headDim + KV_BLOCK - 1u) / KV_BLOCK;
  let value_blocks = (params.valueDim + KV_BLOCK - 1u) / KV_BLOCK;
  let is_value = place >= params.kvHeads * key_blocks;
  let blocks = select(key_blocks, value_blocks, is_value);
  let of_kind = select(place, place - params.kvHeads * key_blocks, is_value);
  let head = of_kind / blocks;
  let block = of_kind % blocks;
  if (head >= params.kvHeads) { return; }
  let dim = select(params.headDim, params.valueDim, is_value);
  let start = t * stride(params.kvHeads * dim) + head * dim;
  let s = token_span(t);
  let j = token_position(t);
  var values: KvBlock;
  for (var i = 0u; i < KV_BLOCK; i++) {
    let d = block * KV_BLOCK + i;
    if (d >= dim) { break; }
    if (is_value) { values[i / 4u][i % 4u] = v[start + d]; } else { values[i / 4u][i % 4u] = key_at(start, d, j); }
  }
  if (is_value) {
    kv_store(&cache, value_row(s, head, j), block, values);
  } else {
    kv_store(&cache, key_row(s, head, j), block, values);
  }
}

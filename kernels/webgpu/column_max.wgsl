// column_max: each row of logits whose largest are wanted, laid out line by line as a table of `columns` columns, and the
// largest of each column. A thread for each column.
// uses: step, rows, order

struct Params { width: u32, columns: u32 }
@group(0) @binding(1) var<uniform> params: Params;
@group(0) @binding(2) var<storage, read> x: array<u32>; // bits of floats
@group(0) @binding(3) var<storage, read_write> out: array<u32>; // order_of

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
  if (id.x >= params.columns) { return; }
  let row = top_output(id.y) * stride(params.width);
  var most = 0u;
  for (var i = id.x; i < params.width; i += params.columns) { most = max(most, order_of(x[row + i])); }
  out[id.y * stride(params.columns) + id.x] = most;
}

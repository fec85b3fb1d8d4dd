// embed: a thread decodes one group of one token's row; rows of other parts of the table are other dispatches'.
// uses: step, rows, quant

struct Params {
  planes: vec4u,
  groups: u32,
  firstRow: u32,
  partRows: u32,
  index: u32, // 0: token, 1: segment, 2: position
  offset: u32,
  tableRows: u32,
  width: u32,
}
@group(0) @binding(1) var<uniform> params: Params;
@group(0) @binding(2) var<storage, read> weight: array<vec4u>;
@group(0) @binding(3) var<storage, read_write> out: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let t = id.y;
  if (id.x >= params.groups || t >= token_count()) { return; }
  var row = step[step[3] + 4u * t + params.index] + params.offset;
  if (row >= params.tableRows) { row = 0u; }
  if (row < params.firstRow || row - params.firstRow >= params.partRows) { return; }
  let values = decode(&weight, params.planes, (row - params.firstRow) * params.groups + id.x);
  let row_stride = stride(params.width);
  for (var i = 0u; i < GROUP; i++) {
    let place = id.x * GROUP + i;
    out[t * row_stride + place] = select(0.0, values[i / 4u][i % 4u], place < params.width);
  }
}

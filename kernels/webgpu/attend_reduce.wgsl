// attend in parts: puts together what attend_vec found in each part of the keys. A thread for each value.
// uses: step, rows

struct Params { heads: u32, valueDim: u32, few: u32 }
@group(0) @binding(1) var<uniform> params: Params;
// (rows, parts, heads) records: a maximum, a sum, values.
@group(0) @binding(2) var<storage, read> parts: array<f32>;
@group(0) @binding(3) var<storage, read_write> out: array<f32>;

// As many workgroups in y as there are parts; x and y together cover a row.
@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) id: vec3u,
  @builtin(num_workgroups) grid: vec3u,
  @builtin(local_invocation_index) thread: u32,
) {
  let per_span = grid.z / span_count();
  let s = id.z / per_span;
  let i = id.z % per_span;
  if (span_tokens(s) > params.few || i >= span_tokens(s)) { return; }
  let place = (id.y * grid.x + id.x) * 64u + thread;
  let width = params.heads * params.valueDim;
  let row = (span_start(s) + i) * stride(width);
  if (place >= width) {
    if (place < stride(width)) { out[row + place] = 0.0; }
    return;
  }
  let head = place / params.valueDim;
  let size = params.valueDim + 2u;
  let step_size = params.heads * size;
  let first = (id.z * grid.y * params.heads + head) * size;
  var most = parts[first];
  for (var p = 1u; p < grid.y; p++) { most = max(most, parts[first + p * step_size]); }
  var total = 0.0;
  var sum = 0.0;
  for (var p = 0u; p < grid.y; p++) {
    let at = first + p * step_size;
    let kept = exp(parts[at] - most);
    total += kept * parts[at + 1u];
    sum += kept * parts[at + 2u + place % params.valueDim];
  }
  out[row + place] = sum / total;
}

// scan: a thread for each column of the states, which walks its span alone; for adapters that are slow at barriers,
// and for shapes that scan.wgsl is not for.
// uses: step, rows

struct Params {
  heads: u32,
  head_dim: u32,
  groups: u32,
  state_dim: u32,
  of_states: u32,
  rates: u32,
  log_rates: u32,
  skip: u32,
  splits: u32,
}
@group(0) @binding(1) var<uniform> params: Params;
@group(0) @binding(2) var<storage, read> x: array<f32>;
@group(0) @binding(3) var<storage, read> forward: array<f32>;
@group(0) @binding(4) var<storage, read> b: array<f32>;
@group(0) @binding(5) var<storage, read> c: array<f32>;
@group(0) @binding(6) var<storage, read> vectors: array<f32>;
// (slots, heads, stateDim, headDim), or with rates of states (slots, stateDim, heads)
@group(0) @binding(7) var<storage, read_write> state: array<f32>;
@group(0) @binding(8) var<storage, read_write> out: array<f32>;

// src/backends/webgpu/lower/recurrent.ts asks for no more.
const MOST_ROWS = 256u;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let width = params.heads * params.head_dim;
  let row_stride = stride(width);
  if (id.y >= span_count() || id.x >= row_stride) { return; }
  let first = span_start(id.y);
  let end = first + span_tokens(id.y);
  if (id.x >= width) {
    for (var t = first; t < end; t++) { out[t * row_stride + id.x] = 0.0; }
    return;
  }
  var rows: array<f32, MOST_ROWS>;
  let source = span_state_from(id.y);
  for (var n = 0u; n < params.state_dim; n++) {
    rows[n] = 0.0;
    if (source != NONE) { rows[n] = state[state_at(source, id.x, n)]; }
  }
  for (var t = first; t < end; t++) {
    out[t * row_stride + id.x] = walk(t, id.x / params.head_dim, x[t * row_stride + id.x], &rows);
  }
  let target_slot = span_state_to(id.y);
  if (target_slot == NONE) { return; }
  for (var n = 0u; n < params.state_dim; n++) { state[state_at(target_slot, id.x, n)] = rows[n]; }
}

fn state_at(slot: u32, column: u32, n: u32) -> u32 {
  let width = params.heads * params.head_dim;
  let start = slot * params.state_dim * width;
  if (params.of_states == 1u) { return start + n * width + column; }
  let head = column / params.head_dim;
  return start + (head * params.state_dim + n) * params.head_dim + column % params.head_dim;
}

fn rate_of(place: u32) -> f32 {
  let rate = vectors[params.rates + place];
  return select(rate, -exp(rate), params.log_rates == 1u);
}

fn walk(t: u32, head: u32, value: f32, rows: ptr<function, array<f32, MOST_ROWS>>) -> f32 {
  let forward_by = forward[t * stride(params.heads) + head];
  let group = head * params.groups / params.heads;
  let shared_at = t * stride(params.groups * params.state_dim) + group * params.state_dim;
  var sum = vectors[params.skip + head] * value;
  var fade = 0.0;
  if (params.of_states == 0u) { fade = exp(forward_by * rate_of(head)); }
  for (var n = 0u; n < params.state_dim; n++) {
    if (params.of_states == 1u) { fade = exp(forward_by * rate_of(head * params.state_dim + n)); }
    (*rows)[n] = fade * (*rows)[n] + forward_by * value * b[shared_at + n];
    sum += c[shared_at + n] * (*rows)[n];
  }
  return sum;
}

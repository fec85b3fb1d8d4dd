// delta: a thread for each column of the states, which walks its span alone; for adapters that are slow at barriers,
// and where keys are too wide for delta.wgsl.
// uses: step, rows

struct Params {
  heads: u32,
  key_heads: u32,
  key_dim: u32,
  value_dim: u32,
  in_turn: u32,
  splits: u32,
}
@group(0) @binding(1) var<uniform> params: Params;
@group(0) @binding(2) var<storage, read> q: array<f32>;
@group(0) @binding(3) var<storage, read> k: array<f32>;
@group(0) @binding(4) var<storage, read> v: array<f32>;
@group(0) @binding(5) var<storage, read> gates: array<vec2f>; // (tokens, heads)
@group(0) @binding(6) var<storage, read_write> state: array<f32>; // (slots, heads, keyDim, valueDim)
@group(0) @binding(7) var<storage, read_write> out: array<f32>;

// src/backends/webgpu/lower/recurrent.ts asks for no more.
const MOST_ROWS = 256u;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let width = params.heads * params.value_dim;
  let row_stride = stride(width);
  if (id.y >= span_count() || id.x >= row_stride) { return; }
  let first = span_start(id.y);
  let end = first + span_tokens(id.y);
  if (id.x >= width) {
    for (var t = first; t < end; t++) { out[t * row_stride + id.x] = 0.0; }
    return;
  }
  let h = id.x / params.value_dim;
  let column = h * params.key_dim * params.value_dim + id.x % params.value_dim;
  var rows: array<f32, MOST_ROWS>;
  let source = span_state_from(id.y);
  for (var r = 0u; r < params.key_dim; r++) {
    rows[r] = 0.0;
    if (source != NONE) { rows[r] = state[source * width * params.key_dim + column + r * params.value_dim]; }
  }
  for (var t = first; t < end; t++) {
    out[t * row_stride + id.x] = walk(t, h, v[t * row_stride + id.x], &rows);
  }
  let target_slot = span_state_to(id.y);
  if (target_slot == NONE) { return; }
  for (var r = 0u; r < params.key_dim; r++) {
    state[target_slot * width * params.key_dim + column + r * params.value_dim] = rows[r];
  }
}

fn walk(t: u32, h: u32, value: f32, rows: ptr<function, array<f32, MOST_ROWS>>) -> f32 {
  let gate = gates[t * params.heads + h];
  let key_head = select(h * params.key_heads / params.heads, h % params.key_heads, params.in_turn == 1u);
  let key = t * stride(params.key_heads * params.key_dim) + key_head * params.key_dim;
  var held = 0.0;
  for (var r = 0u; r < params.key_dim; r++) { held += k[key + r] * (*rows)[r]; }
  let change = gate.y * (value - gate.x * held);
  var sum = 0.0;
  for (var r = 0u; r < params.key_dim; r++) {
    (*rows)[r] = gate.x * (*rows)[r] + k[key + r] * change;
    sum += q[key + r] * (*rows)[r];
  }
  return sum;
}

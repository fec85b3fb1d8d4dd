// pool: a thread for each value goes over the rows of a span.
// uses: step, rows

struct Params { width: u32, pooling: u32 }
@group(0) @binding(1) var<uniform> params: Params;
@group(0) @binding(2) var<storage, read> x: array<f32>;
@group(0) @binding(3) var<storage, read_write> out: array<f32>;

// src/backends/webgpu/lower/rows.ts
const FIRST = 0u;
const LAST = 1u;
const MOST = 2u;
const MEAN = 3u;
const MEAN_SQRT = 4u;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
  if (id.x >= stride(params.width)) { return; }
  var value = 0.0;
  if (id.x < params.width) { value = pooled(token_span(output_token(id.y)), id.x); }
  out[id.y * stride(params.width) + id.x] = value;
}

fn pooled(span: u32, column: u32) -> f32 {
  let first = span_start(span);
  let count = span_tokens(span);
  if (params.pooling == FIRST) { return value_at(first, column); }
  if (params.pooling == LAST) { return value_at(first + count - 1u, column); }
  if (params.pooling == MOST) {
    var most = value_at(first, column);
    for (var i = 1u; i < count; i++) { most = max(most, value_at(first + i, column)); }
    return most;
  }
  let weighted = params.pooling > MEAN_SQRT;
  var sum = 0.0;
  for (var i = 0u; i < count; i++) { sum += value_at(first + i, column) * select(1.0, f32(i + 1u), weighted); }
  let n = f32(count);
  if (weighted) { return sum / (n * (n + 1.0) * 0.5); }
  return sum / select(n, sqrt(n), params.pooling == MEAN_SQRT);
}

fn value_at(token: u32, column: u32) -> f32 { return x[token * stride(params.width) + column]; }

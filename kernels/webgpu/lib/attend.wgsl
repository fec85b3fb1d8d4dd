// What all kernels of attend share: their parameters and bindings, which keys a token sees, and what becomes of scores.
// uses: step, rows, kv_pages

struct Params {
  heads: u32,
  kvHeads: u32,
  headDim: u32,
  valueDim: u32,
  keyQuads: u32,
  valueQuads: u32,
  pageQuads: u32,
  pageTokens: u32,
  scale: f32,
  softcap: f32, // 0: none
  causal: u32,
  window: u32, // NONE: sees everything
  sinks: u32,
  distances: u32, // 0: none, 1: a table, 2: slopes, 3: numbers
  gains: u32, // where the table, or the slopes, or nothing begins
  buckets: u32, // where buckets or numbers of distances begin
  reach: u32,
  numbers: u32, // of each head in byQuery and byKey
  byQuery: u32,
  byKey: u32,
  few: u32, // spans of so many tokens are attend_vec's
  split: u32, // 1: out has parts that attend_reduce puts together
}
@group(0) @binding(1) var<uniform> params: Params;
@group(0) @binding(2) var<storage, read> q: array<f32>;
@group(0) @binding(3) var<storage, read> cache: array<vec4u>;
@group(0) @binding(4) var<storage, read> vectors: array<f32>;
@group(0) @binding(5) var<storage, read> byQuery: array<f32>;
@group(0) @binding(6) var<storage, read> byKey: array<f32>;
@group(0) @binding(7) var<storage, read_write> out: array<f32>;

// A logit of what is not seen, and the largest of none. Differences of two of them are finite.
const UNSEEN = -1e30;

fn kv_head_of(head: u32) -> u32 { return head * params.kvHeads / params.heads; }

// Positions [from, to) that the token at `position` sees, of a span whose last token is at `end - 1`.
fn seen_from(position: u32) -> u32 {
  return select(position + 1u - params.window, 0u, params.window > position);
}
fn seen_to(position: u32, end: u32) -> u32 {
  return position + select(min(params.window, end - position), 1u, params.causal == 1u);
}

// Four values of a head's query. What keys have beyond headDim is zero, so that any finite number will do there.
fn query_quad(at: u32, d: u32) -> vec4f {
  let last = params.headDim - 1u;
  return vec4f(q[at + d], q[at + min(d + 1u, last)], q[at + min(d + 2u, last)], q[at + min(d + 3u, last)]);
}

// The logit of token `t` (in the step; of span `s`, at `position`) and the key at `j`, whose dot product is `sum`.
fn logit(sum: f32, head: u32, t: u32, s: u32, position: u32, j: u32) -> f32 {
  if (params.distances == 0u) { return capped(sum * params.scale); }
  let reach = i32(params.reach);
  let distance = clamp(i32(j) - i32(position), -reach, reach);
  if (params.distances == 2u) {
    return capped(sum * params.scale) - vectors[params.gains + head] * f32(abs(distance));
  }
  let bucket = u32(vectors[params.buckets + u32(distance + reach)]);
  if (params.distances == 1u) {
    return capped(sum * params.scale) + vectors[params.gains + bucket * params.heads + head];
  }
  let row_stride = stride(params.heads * params.numbers);
  let place = head * params.numbers + bucket;
  var gained = sum;
  if (params.byQuery == 1u) { gained += byQuery[t * row_stride + place]; }
  let start = span_position(s);
  if (params.byKey == 1u && j >= start) { gained += byKey[(span_start(s) + j - start) * row_stride + place]; }
  return capped(gained * params.scale);
}

// Small numbers by their series: exp has no digits for what is next to 1.
fn capped(x: f32) -> f32 {
  if (params.softcap == 0.0) { return x; }
  let y = x / params.softcap;
  let squared = y * y;
  let series = y * (1.0 - squared * (1.0 / 3.0 - squared * (2.0 / 15.0 - squared * (17.0 / 315.0))));
  let power = exp(-2.0 * abs(y));
  return params.softcap * select(sign(y) * (1.0 - power) / (1.0 + power), series, abs(y) < 0.15);
}

// attend without barriers, for adapters that are slow at them: a thread for each token, head and 128 of its values.
// uses: attend, kv

const PART = 128u;
const KEYS = 4u; // looked at together

@compute @workgroup_size(8)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let parts = (params.valueDim + PART - 1u) / PART;
  let head = id.x / parts;
  let t = id.y;
  if (head >= params.heads) { return; }
  let s = token_span(t);
  let position = token_position(t);
  let first = seen_from(position);
  let end = seen_to(position, span_position(s) + span_tokens(s));
  let kv_head = kv_head_of(head);
  let begin = (id.x % parts) * PART; // of the head's values
  let groups = (min(PART, params.valueDim - begin) + KV_GROUP - 1u) / KV_GROUP;
  var values: array<vec4f, PART / 4u>;
  var most = UNSEEN;
  var total = 0.0;
  if (params.sinks != NONE) {
    most = vectors[params.sinks + head];
    total = 1.0;
  }
  for (var j = first; j < end; j += KEYS) {
    let logits = logits_of(t, s, head, position, j, end);
    let next = max(most, max(max(logits.x, logits.y), max(logits.z, logits.w)));
    let kept = exp(most - next);
    let weights = exp(logits - next);
    most = next;
    total = total * kept + weights.x + weights.y + weights.z + weights.w;
    let row_a = value_row(s, kv_head, j);
    let row_b = value_row(s, kv_head, min(j + 1u, end - 1u));
    let row_c = value_row(s, kv_head, min(j + 2u, end - 1u));
    let row_d = value_row(s, kv_head, min(j + 3u, end - 1u));
    for (var g = 0u; g < groups; g++) {
      let a = kv_load(&cache, row_a, begin / KV_GROUP + g);
      let b = kv_load(&cache, row_b, begin / KV_GROUP + g);
      let c = kv_load(&cache, row_c, begin / KV_GROUP + g);
      let d = kv_load(&cache, row_d, begin / KV_GROUP + g);
      for (var i = 0u; i < KV_GROUP / 4u; i++) {
        let place = g * (KV_GROUP / 4u) + i;
        values[place] = values[place] * kept
          + weights.x * a[i] + weights.y * b[i] + weights.z * c[i] + weights.w * d[i];
      }
    }
  }
  let row = t * stride(params.heads * params.valueDim);
  let count = min(PART, params.valueDim - begin);
  for (var d = 0u; d < count; d++) {
    out[row + head * params.valueDim + begin + d] = values[d / 4u][d % 4u] / total;
  }
  if (id.x + 1u == params.heads * parts) {
    let width = params.heads * params.valueDim;
    for (var d = width; d < stride(width); d++) { out[row + d] = 0.0; }
  }
}

// Of the keys at j, j + 1, j + 2 and j + 3, as far as they come before `end`.
fn logits_of(t: u32, s: u32, head: u32, position: u32, j: u32, end: u32) -> vec4f {
  let kv_head = kv_head_of(head);
  let at = t * stride(params.heads * params.headDim) + head * params.headDim;
  let places = min(vec4u(j) + vec4u(0u, 1u, 2u, 3u), vec4u(end - 1u));
  let row_a = key_row(s, kv_head, places.x);
  let row_b = key_row(s, kv_head, places.y);
  let row_c = key_row(s, kv_head, places.z);
  let row_d = key_row(s, kv_head, places.w);
  var sums = vec4f(0.0);
  for (var g = 0u; g * KV_GROUP < params.headDim; g++) {
    let a = kv_load(&cache, row_a, g);
    let b = kv_load(&cache, row_b, g);
    let c = kv_load(&cache, row_c, g);
    let d = kv_load(&cache, row_d, g);
    for (var i = 0u; i < KV_GROUP / 4u; i++) {
      let place = g * KV_GROUP + 4u * i;
      if (place >= params.headDim) { break; }
      let query = query_quad(at, place);
      sums += vec4f(dot(a[i], query), dot(b[i], query), dot(c[i], query), dot(d[i], query));
    }
  }
  let logits = vec4f(
    logit(sums.x, head, t, s, position, places.x),
    logit(sums.y, head, t, s, position, places.y),
    logit(sums.z, head, t, s, position, places.z),
    logit(sums.w, head, t, s, position, places.w),
  );
  return select(vec4f(UNSEEN), logits, vec4u(j) + vec4u(0u, 1u, 2u, 3u) < vec4u(end));
}

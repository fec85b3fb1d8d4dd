// attend of spans of few tokens: a workgroup for a token, four heads that share keys, and a part of the keys.
// uses: attend, tile, kv

const WG = 128u;
// Threads that share a key; a thread has as many keys, so that it can use what it has of queries for all of them.
const LANES = 4u;
const ROWS = WG / LANES;
// Values of queries that are held at once.
const HELD = 256u;

var<workgroup> queries: array<vec4f, HELD>; // (fours of a head, heads)
var<workgroup> rows: array<vec2u, WG>; // of each key of the tile: where its key and its value begin
var<workgroup> weights: array<vec4f, WG>; // of each key, for each head

// Of one group and some of the keys, what a thread adds up: (fours of the group, heads).
alias Values = array<vec4f, KV_GROUP>;

struct Work {
  s: u32,
  t: u32,
  position: u32,
  head: u32, // the first of `heads`
  heads: u32,
  kv_head: u32,
  group: u32, // the first of values
  groups: u32,
}

@compute @workgroup_size(WG)
fn main(
  @builtin(workgroup_id) id: vec3u,
  @builtin(num_workgroups) grid: vec3u,
  @builtin(local_invocation_index) thread: u32,
) {
  let per_span = grid.z / span_count();
  let s = id.z / per_span;
  let i = id.z % per_span;
  if (span_tokens(s) > params.few || i >= span_tokens(s)) { return; }
  let work = work_of(id.y, s, i);
  let first = seen_from(work.position);
  let end = seen_to(work.position, span_position(s) + span_tokens(s));
  let per_part = (end - first + grid.x - 1u) / grid.x;
  let start = first + id.x * per_part;
  let stop = min(start + per_part, end);

  var values: Values;
  var most = vec4f(UNSEEN);
  var total = vec4f(0.0);
  if (params.sinks != NONE && id.x == 0u) {
    for (var h = 0u; h < work.heads; h++) { most[h] = vectors[params.sinks + work.head + h]; }
    total = vec4f(select(0.0, 1.0, thread == 0u));
  }
  if (params.headDim <= HELD) { hold_queries(work, 0u, thread); }
  for (var base = start; base < stop; base += WG) {
    let j = min(base + thread, stop - 1u);
    rows[thread] = vec2u(key_row(s, work.kv_head, j), value_row(s, work.kv_head, j));
    workgroupBarrier();
    let own = own_sum(key_sums(work, thread), thread);
    let key = base + own_key(thread);
    var logits = vec4f(UNSEEN);
    for (var h = 0u; h < work.heads && key < stop; h++) {
      logits[h] = logit(own[h], work.head + h, work.t, s, work.position, key);
    }
    let next = max(most, most_of_tile(logits, thread));
    let kept = exp(most - next);
    weights[own_key(thread)] = exp(logits - next);
    total = total * kept + exp(logits - next);
    most = next;
    workgroupBarrier();
    add_values(&values, work, kept, min(WG, stop - base), thread);
    workgroupBarrier();
  }
  total = sum_of_tile(total, thread);
  for (var v = 0u; v < KV_GROUP; v++) {
    let sum = sum_of_slices(values[v], work, thread);
    let d = (work.group + thread) * KV_GROUP + v / 4u * 4u;
    if (thread < work.groups && v % 4u < work.heads) { write(work, id, grid, v % 4u, d, sum, total); }
  }
  if (thread < work.groups) { finish(work, id, grid, thread, most, total); }
}

fn work_of(y: u32, s: u32, i: u32) -> Work {
  let all_groups = (params.valueDim + KV_GROUP - 1u) / KV_GROUP;
  let parts = (all_groups + WG - 1u) / WG;
  let sharing = params.heads / params.kvHeads;
  let chunks = (sharing + 3u) / 4u;
  let kv_head = y / parts / chunks;
  let chunk = y / parts % chunks;
  let group = y % parts * WG;
  return Work(
    s,
    span_start(s) + i,
    span_position(s) + i,
    kv_head * sharing + 4u * chunk,
    min(4u, sharing - 4u * chunk),
    kv_head,
    group,
    min(WG, all_groups - group),
  );
}

// Values [first, first + HELD) of the heads' queries, zeros where there are none.
fn hold_queries(work: Work, first: u32, thread: u32) {
  for (var i = thread; i < HELD; i += WG) {
    let d = first + i / 4u * 4u;
    let at = work.t * stride(params.heads * params.headDim) + (work.head + i % 4u) * params.headDim;
    var four = vec4f(0.0);
    if (i % 4u < work.heads && d < params.headDim) { four = query_quad(at, d); }
    queries[i] = four;
  }
}

// Of this thread's keys, what its lane's groups give, for each head.
fn key_sums(work: Work, thread: u32) -> array<vec4f, 4> {
  let lane = thread % LANES;
  let row = thread / LANES;
  var sums: array<vec4f, 4>;
  for (var first = 0u; first < params.headDim; first += HELD) {
    if (params.headDim > HELD) {
      workgroupBarrier();
      hold_queries(work, first, thread);
      workgroupBarrier();
    }
    let groups = (min(HELD, params.headDim - first) + KV_GROUP - 1u) / KV_GROUP;
    for (var g = lane; g < groups; g += LANES) {
      let a = kv_load(&cache, rows[row].x, first / KV_GROUP + g);
      let b = kv_load(&cache, rows[row + ROWS].x, first / KV_GROUP + g);
      let c = kv_load(&cache, rows[row + 2u * ROWS].x, first / KV_GROUP + g);
      let d = kv_load(&cache, rows[row + 3u * ROWS].x, first / KV_GROUP + g);
      for (var i = 0u; i < KV_GROUP / 4u; i++) {
        let at = g * KV_GROUP + 4u * i;
        let heads = mat4x4f(queries[at], queries[at + 1u], queries[at + 2u], queries[at + 3u]);
        sums[0] += a[i] * heads;
        sums[1] += b[i] * heads;
        sums[2] += c[i] * heads;
        sums[3] += d[i] * heads;
      }
    }
  }
  return sums;
}

// What there is of the values is worth `kept`; then come those of the tile's `keys`, which slices of threads share.
fn add_values(values: ptr<function, Values>, work: Work, kept: vec4f, keys: u32, thread: u32) {
  for (var v = 0u; v < KV_GROUP; v += 4u) {
    (*values)[v] *= kept.x;
    (*values)[v + 1u] *= kept.y;
    (*values)[v + 2u] *= kept.z;
    (*values)[v + 3u] *= kept.w;
  }
  let slices = WG / work.groups;
  let slice = thread / work.groups;
  if (slice >= slices) { return; }
  for (var k = slice; k < keys; k += slices) {
    let loaded = kv_load(&cache, rows[k].y, work.group + thread % work.groups);
    let weight = weights[k];
    for (var v = 0u; v < KV_GROUP; v += 4u) {
      (*values)[v] += weight.x * loaded[v / 4u];
      (*values)[v + 1u] += weight.y * loaded[v / 4u];
      (*values)[v + 2u] += weight.z * loaded[v / 4u];
      (*values)[v + 3u] += weight.w * loaded[v / 4u];
    }
  }
}

// What the slices have, for the threads of the first one.
fn sum_of_slices(value: vec4f, work: Work, thread: u32) -> vec4f {
  workgroupBarrier();
  weights[thread] = value;
  workgroupBarrier();
  var sum = value;
  let slices = select(1u, WG / work.groups, thread < work.groups);
  for (var i = 1u; i < slices; i++) { sum += weights[i * work.groups + thread]; }
  return sum;
}

fn width() -> u32 { return params.heads * params.valueDim; }

// Four values of a head: of the result, or of a part's record: its maximum, its sum, its values.
fn write(work: Work, id: vec3u, grid: vec3u, h: u32, first: u32, four: vec4f, total: vec4f) {
  let head = work.head + h;
  for (var i = 0u; i < 4u && first + i < params.valueDim; i++) {
    if (params.split == 1u) {
      let record = (id.z * grid.x + id.x) * params.heads + head;
      out[record * (params.valueDim + 2u) + 2u + first + i] = four[i];
    } else {
      out[work.t * stride(width()) + head * params.valueDim + first + i] = four[i] / total[h];
    }
  }
}

// What comes beside values: maxima and sums of parts, zeros after the last head of a row.
fn finish(work: Work, id: vec3u, grid: vec3u, thread: u32, most: vec4f, total: vec4f) {
  if (params.split == 1u) {
    for (var h = 0u; h < work.heads && thread == 0u; h++) {
      let record = (id.z * grid.x + id.x) * params.heads + work.head + h;
      out[record * (params.valueDim + 2u)] = most[h];
      out[record * (params.valueDim + 2u) + 1u] = total[h];
    }
  } else if (work.head + work.heads == params.heads) {
    for (var i = width() + thread; i < stride(width()); i += work.groups) { out[work.t * stride(width()) + i] = 0.0; }
  }
}

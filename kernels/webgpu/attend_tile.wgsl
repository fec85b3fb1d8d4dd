// attend of spans of many tokens: a workgroup for a tile of tokens and up to 128 values of a head, keys tile by tile.
// uses: attend, kv

const WG = 128u;
const TOKENS = 32u;
const KEYS = 64u;
const DIMS = 16u; // of queries and keys, multiplied at once
const PART = 128u; // values of a head
const VALUE_KEYS = 8u; // keys whose values are held at once

const KEY_STRIDE = DIMS / 4u + 1u;
var<workgroup> queries: array<vec4f, TOKENS * DIMS / 4u>;
var<workgroup> held: array<vec4f, KEYS * KEY_STRIDE>; // keys, then maxima, then values
var<workgroup> weights: array<vec4f, TOKENS * KEYS / 4u>;
var<workgroup> key_rows: array<u32, KEYS>;
var<workgroup> kept_rows: array<f32, TOKENS>;

struct Work {
  s: u32,
  first: u32, // token of the span
  tokens: u32,
  head: u32,
  kv_head: u32,
  begin: u32, // of the head's values
}

// What a thread knows of a token's softmax, which four threads look after.
struct Softmax {
  most: f32,
  total: f32, // of this thread's weights
}

// A thread has four tokens, and four keys or eight values for them: (near and far halves, tokens).
alias Values = array<vec4f, 8>;

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) id: vec3u, @builtin(local_invocation_index) thread: u32) {
  let work = work_of(id);
  if (work.tokens == 0u) { return; }
  let position = span_position(work.s) + work.first;
  let span_end = span_position(work.s) + span_tokens(work.s);
  let end = seen_to(position + work.tokens - 1u, span_end);
  var softmax = Softmax(UNSEEN, 0.0);
  if (params.sinks != NONE) {
    softmax = Softmax(vectors[params.sinks + work.head], select(0.0, 1.0, thread % 4u == 0u));
  }
  var values: Values;
  for (var base = seen_from(position); base < end; base += KEYS) {
    weigh(work, base, end, span_end, thread);
    exponentiate(&softmax, thread);
    if (thread < KEYS) { key_rows[thread] = value_row(work.s, work.kv_head, min(base + thread, end - 1u)); }
    workgroupBarrier();
    for (var a = 0u; a < 4u; a++) {
      let kept = kept_rows[4u * (thread / 16u) + a];
      values[a] *= kept;
      values[a + 4u] *= kept;
    }
    for (var first = 0u; first < min(KEYS, end - base); first += VALUE_KEYS) {
      hold_values(work, first, thread);
      workgroupBarrier();
      add_values(&values, work, first, thread);
      workgroupBarrier();
    }
  }
  held[thread] = vec4f(softmax.total);
  workgroupBarrier();
  for (var a = 0u; a < 4u; a++) {
    let token = 4u * (thread / 16u) + a;
    let sum = held[4u * token].x + held[4u * token + 1u].x + held[4u * token + 2u].x + held[4u * token + 3u].x;
    if (token < work.tokens) {
      write(work, token, 4u * (thread % 16u), values[a] / sum);
      write(work, token, 4u * (thread % 16u + 16u), values[a + 4u] / sum);
    }
  }
  fill_up(work, thread);
}

// Tiles of the spans of more than few tokens, span after span; no tokens: there are not so many tiles.
fn work_of(id: vec3u) -> Work {
  let parts = (params.valueDim + PART - 1u) / PART;
  let head = id.y / parts;
  var work = Work(0u, 0u, 0u, head, kv_head_of(head), id.y % parts * PART);
  var tile = id.x;
  for (var s = 0u; s < span_count(); s++) {
    let tokens = span_tokens(s);
    if (tokens <= params.few) { continue; }
    let tiles = (tokens + TOKENS - 1u) / TOKENS;
    if (tile < tiles) {
      work.s = s;
      work.first = tile * TOKENS;
      work.tokens = min(TOKENS, tokens - work.first);
      break;
    }
    tile -= tiles;
  }
  return work;
}

// Where four weights of a token lie: threads that read different tokens find them in different banks.
fn place(token: u32, four: u32) -> u32 { return token * (KEYS / 4u) + ((four + token / 4u) % (KEYS / 4u)); }

// Where a key's fours begin: those that neighbours read at once, every fourth, lie in different banks.
fn key_place(key: u32) -> u32 { return (key % 4u * (KEYS / 4u) + key / 4u) * KEY_STRIDE; }

// The logits of all tokens and the keys at `base` and after it.
fn weigh(work: Work, base: u32, end: u32, span_end: u32, thread: u32) {
  if (thread < KEYS) { key_rows[thread] = key_row(work.s, work.kv_head, min(base + thread, end - 1u)); }
  var sums: array<f32, 16>;
  for (var first = 0u; first < params.headDim; first += DIMS) {
    workgroupBarrier();
    hold_factors(work, first, thread);
    workgroupBarrier();
    for (var four = 0u; four < DIMS / 4u; four++) {
      for (var a = 0u; a < 4u; a++) {
        let query = queries[(4u * (thread / 16u) + a) * (DIMS / 4u) + four];
        for (var b = 0u; b < 4u; b++) {
          sums[4u * a + b] += dot(query, held[key_place(4u * (thread % 16u) + b) + four]);
        }
      }
    }
  }
  for (var a = 0u; a < 4u; a++) {
    let token = 4u * (thread / 16u) + a;
    let position = span_position(work.s) + work.first + token;
    let t = span_start(work.s) + work.first + token;
    var logits = vec4f(UNSEEN);
    for (var b = 0u; b < 4u; b++) {
      let j = base + 4u * (thread % 16u) + b;
      if (token < work.tokens && j >= seen_from(position) && j < seen_to(position, span_end)) {
        logits[b] = logit(sums[4u * a + b], work.head, t, work.s, position, j);
      }
    }
    weights[place(token, thread % 16u)] = logits;
  }
  workgroupBarrier();
}

// Logits become weights, relative to the largest logit so far; what came before is worth `kept_rows` of what it was.
fn exponentiate(softmax: ptr<function, Softmax>, thread: u32) {
  let row = thread / 4u;
  var own = vec4f(UNSEEN);
  for (var i = 0u; i < 4u; i++) { own = max(own, weights[place(row, 4u * (thread % 4u) + i)]); }
  held[thread] = own;
  workgroupBarrier();
  let all = max(max(held[4u * row], held[4u * row + 1u]), max(held[4u * row + 2u], held[4u * row + 3u]));
  let next = max((*softmax).most, max(max(all.x, all.y), max(all.z, all.w)));
  let kept = exp((*softmax).most - next);
  var sums = vec4f(0.0);
  for (var i = 0u; i < 4u; i++) {
    let at = place(row, 4u * (thread % 4u) + i);
    weights[at] = exp(weights[at] - next);
    sums += weights[at];
  }
  *softmax = Softmax(next, (*softmax).total * kept + sums.x + sums.y + sums.z + sums.w);
  if (thread % 4u == 0u) { kept_rows[row] = kept; }
}

// The values held of keys `first` and after it, by their weights.
fn add_values(values: ptr<function, Values>, work: Work, first: u32, thread: u32) {
  let across = PART / 4u;
  for (var k = 0u; k < VALUE_KEYS; k += 4u) {
    let at = k * across + thread % 16u;
    let shares = mat4x4f(
      weights[place(4u * (thread / 16u), (first + k) / 4u)],
      weights[place(4u * (thread / 16u) + 1u, (first + k) / 4u)],
      weights[place(4u * (thread / 16u) + 2u, (first + k) / 4u)],
      weights[place(4u * (thread / 16u) + 3u, (first + k) / 4u)],
    );
    let near = mat4x4f(held[at], held[at + across], held[at + 2u * across], held[at + 3u * across]);
    for (var a = 0u; a < 4u; a++) { (*values)[a] += near * shares[a]; }
    if (params.valueDim - work.begin > PART / 2u) {
      let there = at + 16u;
      let far = mat4x4f(held[there], held[there + across], held[there + 2u * across], held[there + 3u * across]);
      for (var a = 0u; a < 4u; a++) { (*values)[a + 4u] += far * shares[a]; }
    }
  }
}

// DIMS values of each query and each key, zeros beyond the head. Tokens after the last are as the last.
fn hold_factors(work: Work, first: u32, thread: u32) {
  let d = first + 4u * (thread % 4u);
  let token = span_start(work.s) + work.first + min(thread / 4u, work.tokens - 1u);
  var four = vec4f(0.0);
  if (d < params.headDim) {
    four = query_quad(token * stride(params.heads * params.headDim) + work.head * params.headDim, d);
  }
  queries[thread] = four;
  for (var i = thread; i < KEYS * (DIMS / KV_GROUP); i += WG) {
    let key = i / (DIMS / KV_GROUP);
    let group = i % (DIMS / KV_GROUP);
    var loaded: KvGroup;
    if (first + group * KV_GROUP < params.headDim) {
      loaded = kv_load(&cache, key_rows[key], first / KV_GROUP + group);
    }
    for (var v = 0u; v < KV_GROUP / 4u; v++) {
      held[key_place(key) + group * (KV_GROUP / 4u) + v] = loaded[v];
    }
  }
}

// VALUE_KEYS keys' values: (keys, fours).
fn hold_values(work: Work, first: u32, thread: u32) {
  for (var i = thread; i < VALUE_KEYS * (PART / KV_GROUP); i += WG) {
    let key = i / (PART / KV_GROUP);
    let group = i % (PART / KV_GROUP);
    var loaded: KvGroup;
    if (work.begin + group * KV_GROUP < params.valueDim) {
      loaded = kv_load(&cache, key_rows[first + key], work.begin / KV_GROUP + group);
    }
    for (var v = 0u; v < KV_GROUP / 4u; v++) { held[i * (KV_GROUP / 4u) + v] = loaded[v]; }
  }
}

fn write(work: Work, token: u32, d: u32, four: vec4f) {
  let row = (span_start(work.s) + work.first + token) * stride(params.heads * params.valueDim);
  for (var i = 0u; i < 4u && work.begin + d + i < params.valueDim; i++) {
    out[row + work.head * params.valueDim + work.begin + d + i] = four[i];
  }
}

// Zeros after the last head of a row.
fn fill_up(work: Work, thread: u32) {
  let width = params.heads * params.valueDim;
  if (work.head + 1u < params.heads || work.begin + PART < params.valueDim) { return; }
  for (var token = 0u; token < work.tokens; token++) {
    let row = (span_start(work.s) + work.first + token) * stride(width);
    for (var i = width + thread; i < stride(width); i += WG) { out[row + i] = 0.0; }
  }
}

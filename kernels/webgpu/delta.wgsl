// delta: a workgroup for some columns of a head's state, which it keeps in registers while it walks a span; `splits`
// neighbouring threads share a column, 16 rows each.
// uses: step, rows, splits, fours

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

const WG = 128u;
// Fours of rows in a thread.
const FOURS = 4u;
// Tokens whose keys, queries and values are brought at once, and fours of a key that there is room for in all.
const TILE = 8u;
const ROOM = 256u;

var<workgroup> keys: array<vec4f, ROOM>;
var<workgroup> queries: array<vec4f, ROOM>;
var<workgroup> values: array<f32, TILE * WG>;

// Which columns these are: the same for all threads, but for `column` and `split`.
struct Place {
  head: u32,
  key: u32, // where the keys of its head begin in a row
  first: u32, // column of the workgroup
  column: u32,
  split: u32,
}

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) id: vec3u, @builtin(local_invocation_index) thread: u32) {
  let columns = WG / params.splits;
  let blocks = (params.value_dim + columns - 1u) / columns;
  let head = id.x / blocks;
  let first = id.x % blocks * columns;
  let key_head = select(head * params.key_heads / params.heads, head % params.key_heads, params.in_turn == 1u);
  let place = Place(
    head, key_head * params.key_dim, first, first + thread / params.splits, thread % params.splits,
  );
  let start = span_start(id.y);
  let tokens = span_tokens(id.y);
  var rows = read_state(span_state_from(id.y), place);
  let tile = min(TILE, ROOM / (FOURS * params.splits));
  for (var t = 0u; t < tokens; t += tile) {
    let count = min(tile, tokens - t);
    workgroupBarrier();
    bring(start + t, count, place, thread);
    workgroupBarrier();
    for (var i = 0u; i < count; i++) { walk(start + t + i, i, place, thread, &rows); }
  }
  write_state(span_state_to(id.y), place, rows);
  if (id.x == params.heads * blocks - 1u) { fill_up(start, tokens, thread); }
}

fn state_at(slot: u32, place: Place, row: u32) -> u32 {
  return ((slot * params.heads + place.head) * params.key_dim + row) * params.value_dim + place.column;
}

// A thread's rows are fours of neighbours, of which the threads of a column take turns.
fn row_of(i: u32, split: u32) -> u32 { return 4u * ((i >> 2u) * params.splits + split) + (i & 3u); }

fn read_state(slot: u32, place: Place) -> array<vec4f, FOURS> {
  var rows: array<vec4f, FOURS>;
  if (slot == NONE || place.column >= params.value_dim) { return rows; }
  for (var i = 0u; i < 4u * FOURS; i++) {
    let row = row_of(i, place.split);
    if (row < params.key_dim) { rows[i >> 2u][i & 3u] = state[state_at(slot, place, row)]; }
  }
  return rows;
}

fn write_state(slot: u32, place: Place, rows: array<vec4f, FOURS>) {
  if (slot == NONE || place.column >= params.value_dim) { return; }
  for (var i = 0u; i < 4u * FOURS; i++) {
    let row = row_of(i, place.split);
    if (row < params.key_dim) { state[state_at(slot, place, row)] = rows[i >> 2u][i & 3u]; }
  }
}

fn bring(start: u32, count: u32, place: Place, thread: u32) {
  let fours = FOURS * params.splits;
  let key_stride = stride(params.key_heads * params.key_dim);
  for (var i = thread; i < count * fours; i += WG) {
    let row = 4u * (i % fours);
    let at = (start + i / fours) * key_stride + place.key + row;
    let left = select(0u, params.key_dim - row, row < params.key_dim);
    keys[i] = four_of(&k, at, left);
    queries[i] = four_of(&q, at, left);
  }
  let columns = WG / params.splits;
  let row_stride = stride(params.heads * params.value_dim);
  for (var i = thread; i < count * columns; i += WG) {
    let column = place.first + i % columns;
    let at = (start + i / columns) * row_stride + place.head * params.value_dim + column;
    if (column < params.value_dim) { values[i] = v[at]; }
  }
}

fn walk(t: u32, at: u32, place: Place, thread: u32, rows: ptr<function, array<vec4f, FOURS>>) {
  let gate = gates[t * params.heads + place.head];
  let start = at * FOURS * params.splits + place.split;
  var sums = vec3f(); // of key and state, query and state, key and query
  for (var i = 0u; i < FOURS; i++) {
    let key = keys[start + i * params.splits];
    let query = queries[start + i * params.splits];
    sums += vec3f(dot(key, (*rows)[i]), dot(query, (*rows)[i]), dot(key, query));
  }
  sums = sum_of_splits(sums, thread, params.splits);
  let value = values[at * (WG / params.splits) + thread / params.splits];
  let change = gate.y * (value - gate.x * sums.x);
  for (var i = 0u; i < FOURS; i++) {
    (*rows)[i] = gate.x * (*rows)[i] + change * keys[start + i * params.splits];
  }
  if (place.split == 0u && place.column < params.value_dim) {
    let row_stride = stride(params.heads * params.value_dim);
    out[t * row_stride + place.head * params.value_dim + place.column] = gate.x * sums.y + change * sums.z;
  }
}

fn fill_up(start: u32, tokens: u32, thread: u32) {
  let width = params.heads * params.value_dim;
  let place = width + thread;
  if (place >= stride(width)) { return; }
  for (var t = start; t < start + tokens; t++) { out[t * stride(width) + place] = 0.0; }
}

// scan: a workgroup for some columns of a head's state (with rates of states: of all heads' states), which it keeps in
// registers while it walks a span; `splits` neighbouring threads share a column, 16 rows each.
// uses: step, rows, splits, fours

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

const WG = 128u;
// Fours of rows in a thread.
const FOURS = 4u;
// Tokens whose b, c, x and steps are brought at once, and fours of a row of b that there is room for in all.
const TILE = 4u;
const ROOM = 256u;

var<workgroup> writes: array<vec4f, ROOM>;
var<workgroup> reads: array<vec4f, ROOM>;
var<workgroup> values: array<vec2f, TILE * WG>; // x and step

// Which columns these are: the same for all threads, but for `column`, `head` and `split`.
struct Place {
  shared_at: u32, // where b and c begin in a row
  first: u32, // column of the workgroup, of all columns
  end: u32, // of its columns and those of its neighbours
  column: u32,
  head: u32,
  split: u32,
}

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) id: vec3u, @builtin(local_invocation_index) thread: u32) {
  let width = params.heads * params.head_dim;
  let of_all = select(params.head_dim, width, params.of_states == 1u);
  let columns = WG / params.splits;
  let blocks = (of_all + columns - 1u) / columns;
  let from_head = id.x / blocks;
  let first = from_head * of_all + id.x % blocks * columns;
  let column = first + thread / params.splits;
  let place = Place(
    from_head * params.groups / params.heads * params.state_dim,
    first, (from_head + 1u) * of_all, column, column / params.head_dim, thread % params.splits,
  );
  let start = span_start(id.y);
  let tokens = span_tokens(id.y);
  var rows = read_state(span_state_from(id.y), place);
  let rates = read_rates(place);
  let tile = min(TILE, ROOM / (FOURS * params.splits));
  for (var t = 0u; t < tokens; t += tile) {
    let count = min(tile, tokens - t);
    workgroupBarrier();
    bring(start + t, count, place, thread);
    workgroupBarrier();
    for (var i = 0u; i < count; i++) { walk(start + t + i, i, place, thread, rates, &rows); }
  }
  write_state(span_state_to(id.y), place, rows);
  if (place.end == width && id.x % blocks == blocks - 1u) { fill_up(start, tokens, thread); }
}

fn state_at(slot: u32, place: Place, row: u32) -> u32 {
  let width = params.heads * params.head_dim;
  let start = slot * params.state_dim * width;
  if (params.of_states == 1u) { return start + row * width + place.column; }
  let before = place.head * params.head_dim;
  return start + before * params.state_dim + row * params.head_dim + place.column - before;
}

// A thread's rows are fours of neighbours, of which the threads of a column take turns.
fn row_of(i: u32, split: u32) -> u32 { return 4u * ((i >> 2u) * params.splits + split) + (i & 3u); }

fn read_state(slot: u32, place: Place) -> array<vec4f, FOURS> {
  var rows: array<vec4f, FOURS>;
  if (slot == NONE || place.column >= place.end) { return rows; }
  for (var i = 0u; i < 4u * FOURS; i++) {
    let row = row_of(i, place.split);
    if (row < params.state_dim) { rows[i >> 2u][i & 3u] = state[state_at(slot, place, row)]; }
  }
  return rows;
}

fn write_state(slot: u32, place: Place, rows: array<vec4f, FOURS>) {
  if (slot == NONE || place.column >= place.end) { return; }
  for (var i = 0u; i < 4u * FOURS; i++) {
    let row = row_of(i, place.split);
    if (row < params.state_dim) { state[state_at(slot, place, row)] = rows[i >> 2u][i & 3u]; }
  }
}

// Of the thread's rows; where a head has one rate only, it is the first.
fn read_rates(place: Place) -> array<vec4f, FOURS> {
  var rates: array<vec4f, FOURS>;
  if (place.column >= place.end) { return rates; }
  if (params.of_states == 0u) {
    rates[0].x = rate_of(place.head);
    return rates;
  }
  for (var i = 0u; i < 4u * FOURS; i++) {
    let row = row_of(i, place.split);
    if (row < params.state_dim) { rates[i >> 2u][i & 3u] = rate_of(place.head * params.state_dim + row); }
  }
  return rates;
}

fn rate_of(place: u32) -> f32 {
  let rate = vectors[params.rates + place];
  return select(rate, -exp(rate), params.log_rates == 1u);
}

fn bring(start: u32, count: u32, place: Place, thread: u32) {
  let fours = FOURS * params.splits;
  let shared_stride = stride(params.groups * params.state_dim);
  for (var i = thread; i < count * fours; i += WG) {
    let row = 4u * (i % fours);
    let at = (start + i / fours) * shared_stride + place.shared_at + row;
    let left = select(0u, params.state_dim - row, row < params.state_dim);
    writes[i] = four_of(&b, at, left);
    reads[i] = four_of(&c, at, left);
  }
  let columns = WG / params.splits;
  for (var i = thread; i < count * columns; i += WG) {
    let column = place.first + i % columns;
    let t = start + i / columns;
    if (column < place.end) {
      let step_at = t * stride(params.heads) + column / params.head_dim;
      values[i] = vec2f(x[t * stride(params.heads * params.head_dim) + column], forward[step_at]);
    }
  }
}

fn walk(
  t: u32, at: u32, place: Place, thread: u32, rates: array<vec4f, FOURS>, rows: ptr<function, array<vec4f, FOURS>>,
) {
  let value = values[at * (WG / params.splits) + thread / params.splits];
  let start = at * FOURS * params.splits + place.split;
  var fade = vec4f(exp(value.y * rates[0].x));
  var sum = 0.0;
  for (var i = 0u; i < FOURS; i++) {
    if (params.of_states == 1u) { fade = exp(value.y * rates[i]); }
    let row = fade * (*rows)[i] + value.x * value.y * writes[start + i * params.splits];
    (*rows)[i] = row;
    sum += dot(row, reads[start + i * params.splits]);
  }
  sum = sum_of_splits(vec3f(sum), thread, params.splits).x;
  if (place.split == 0u && place.column < place.end) {
    let row_stride = stride(params.heads * params.head_dim);
    out[t * row_stride + place.column] = sum + vectors[params.skip + place.head] * value.x;
  }
}

fn fill_up(start: u32, tokens: u32, thread: u32) {
  let width = params.heads * params.head_dim;
  let place = width + thread;
  if (place >= stride(width)) { return; }
  for (var t = start; t < start + tokens; t++) { out[t * stride(width) + place] = 0.0; }
}

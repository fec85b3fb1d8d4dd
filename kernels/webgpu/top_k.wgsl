// top_k: the k largest logits of a row, and some more, in order of their ids. A workgroup for each row.
//
// Of k columns the largest logit is at least the k-th largest of all columns' maxima, so k logits of the row are, too: it
// is a limit that all of the k largest reach. Few others do, and only in columns whose maximum does.
// uses: step, rows, order

struct Params { width: u32, columns: u32 }
@group(0) @binding(1) var<uniform> params: Params;
@group(0) @binding(2) var<storage, read> x: array<u32>; // bits of floats
@group(0) @binding(3) var<storage, read> maxima: array<u32>; // of column_max.wgsl
// How many there are, ids, bits of logits. Where there are more than fit, only the first is written.
@group(0) @binding(4) var<storage, read_write> out: array<u32>;

const WG = 256u;
const MOST = 2112u; // `mostRoom` of sampling.ts

var<workgroup> counts: array<atomic<u32>, 256>;
var<workgroup> sums: array<u32, WG>;
var<workgroup> found: vec2u;
var<workgroup> chosen: array<u32, MOST>; // columns, in order

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) id: vec3u, @builtin(local_invocation_index) thread: u32) {
  let at = top_place(id.x);
  let room = top_room(id.x);
  let first = id.x * stride(params.columns);
  let limit = max(1u, kth_largest(first, top_wanted(id.x), thread));
  let columns = choose(first, limit, thread);
  if (columns > room) {
    if (thread == 0u) { out[at] = columns; }
    return;
  }
  collect(top_output(id.x) * stride(params.width), columns, limit, at, room, thread);
}

// Of the columns' maxima, digit by digit; 0 where there are fewer than k.
fn kth_largest(first: u32, k: u32, thread: u32) -> u32 {
  if (k > params.columns) { return 0u; }
  var known = 0u;
  var rest = k;
  for (var digit = 0u; digit < 4u; digit++) {
    let shift = 24u - 8u * digit;
    atomicStore(&counts[thread], 0u);
    workgroupBarrier();
    for (var c = thread; c < params.columns; c += WG) {
      let value = maxima[first + c];
      if (((value >> shift) >> 8u) == known) { atomicAdd(&counts[(value >> shift) & 255u], 1u); }
    }
    workgroupBarrier();
    let mine = atomicLoad(&counts[255u - thread]);
    let up_to_mine = sum_up_to(mine, thread);
    if (up_to_mine >= rest && up_to_mine - mine < rest) { found = vec2u(255u - thread, up_to_mine - mine); }
    let next = workgroupUniformLoad(&found);
    known = (known << 8u) | next.x;
    rest -= next.y;
  }
  return known;
}

// The sum of the values of this thread and of those before it; the last one's is that of all.
fn sum_up_to(value: u32, thread: u32) -> u32 {
  sums[thread] = value;
  for (var apart = 1u; apart < WG; apart <<= 1u) {
    workgroupBarrier();
    let before = select(0u, sums[thread - min(apart, thread)], thread >= apart);
    workgroupBarrier();
    sums[thread] += before;
  }
  return sums[thread];
}

// Lists the columns that reach the limit, as many as fit; how many there are.
fn choose(first: u32, limit: u32, thread: u32) -> u32 {
  let share = (params.columns + WG - 1u) / WG;
  let end = min(params.columns, (thread + 1u) * share);
  var mine = 0u;
  for (var c = thread * share; c < end; c++) { mine += u32(maxima[first + c] >= limit); }
  var place = sum_up_to(mine, thread) - mine;
  let all = workgroupUniformLoad(&sums[WG - 1u]);
  for (var c = thread * share; c < end; c++) {
    if (maxima[first + c] < limit) { continue; }
    if (place < MOST) { chosen[place] = c; }
    place++;
  }
  workgroupBarrier();
  return all;
}

// Line by line through the chosen columns, which is the order of ids; each thread takes as many neighbours.
fn collect(row: u32, columns: u32, limit: u32, at: u32, room: u32, thread: u32) {
  let lines = (params.width + params.columns - 1u) / params.columns;
  let share = (columns * lines + WG - 1u) / WG;
  let end = min(columns * lines, (thread + 1u) * share);
  var mine = 0u;
  for (var i = thread * share; i < end; i++) { mine += u32(order_at(row, id_of(i, columns)) >= limit); }
  var place = sum_up_to(mine, thread) - mine;
  if (thread == WG - 1u) { out[at] = place + mine; }
  for (var i = thread * share; i < end; i++) {
    let id = id_of(i, columns);
    if (order_at(row, id) < limit) { continue; }
    if (place < room) {
      out[at + 1u + place] = id;
      out[at + 1u + room + place] = x[row + id];
    }
    place++;
  }
}

fn id_of(i: u32, columns: u32) -> u32 { return i / columns * params.columns + chosen[i % columns]; }

fn order_at(row: u32, id: u32) -> u32 {
  if (id >= params.width) { return 0u; }
  return order_of(x[row + id]);
}

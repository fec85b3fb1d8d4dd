// top_k: the same (top_k.wgsl), a thread for each row, for adapters that are slow at barriers.
// uses: step, rows, order

struct Params { width: u32, columns: u32 }
@group(0) @binding(1) var<uniform> params: Params;
@group(0) @binding(2) var<storage, read> x: array<u32>; // bits of floats
@group(0) @binding(3) var<storage, read> maxima: array<u32>; // of column_max.wgsl
// How many there are, ids, bits of logits. Where there are more than fit, only the first is written.
@group(0) @binding(4) var<storage, read_write> out: array<u32>;

const MOST = 2112u; // `mostRoom` of sampling.ts

var<private> chosen: array<u32, MOST>; // columns, in order

@compute @workgroup_size(1)
fn main(@builtin(workgroup_id) id: vec3u) {
  let at = top_place(id.x);
  let room = top_room(id.x);
  let row = top_output(id.x) * stride(params.width);
  let first = id.x * stride(params.columns);
  let limit = max(1u, kth_largest(first, top_wanted(id.x)));
  let columns = choose(first, limit);
  out[at] = columns;
  if (columns > room) { return; }
  // Line by line, which is the order of ids.
  var place = 0u;
  for (var line = 0u; line < params.width; line += params.columns) {
    for (var c = 0u; c < columns; c++) {
      let id = line + chosen[c];
      if (id >= params.width || order_of(x[row + id]) < limit) { continue; }
      if (place < room) {
        out[at + 1u + place] = id;
        out[at + 1u + room + place] = x[row + id];
      }
      place++;
    }
  }
  out[at] = place;
}

// Lists the columns that reach the limit, as many as fit; how many there are.
fn choose(first: u32, limit: u32) -> u32 {
  var count = 0u;
  for (var c = 0u; c < params.columns; c++) {
    if (maxima[first + c] < limit) { continue; }
    if (count < MOST) { chosen[count] = c; }
    count++;
  }
  return count;
}

// Of the columns' maxima, digit by digit; 0 where there are fewer than k.
fn kth_largest(first: u32, k: u32) -> u32 {
  if (k > params.columns) { return 0u; }
  var known = 0u;
  var rest = k;
  for (var digit = 0u; digit < 4u; digit++) {
    let shift = 24u - 8u * digit;
    var counts = array<u32, 256>(); // said, since llvmpipe does not begin anew without it
    for (var c = 0u; c < params.columns; c++) {
      let value = maxima[first + c];
      if (((value >> shift) >> 8u) == known) { counts[(value >> shift) & 255u]++; }
    }
    var next = 255u;
    while (next > 0u && counts[next] < rest) {
      rest -= counts[next];
      next--;
    }
    known = (known << 8u) | next;
  }
  return known;
}

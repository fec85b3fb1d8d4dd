// What the threads of a workgroup of attend_vec tell each other about a tile of keys, one for each of them.

var<workgroup> told: array<vec4f, 4u * WG>;

// The key of the tile that a thread has after `own_sum`.
fn own_key(thread: u32) -> u32 { return thread; }

// Four neighbours have parts of the sums of keys thread / 4 + i * WG / 4; what comes is that of the thread's own key.
fn own_sum(sums: array<vec4f, 4>, thread: u32) -> vec4f {
  let first = 4u * (thread / 4u) + thread % 4u;
  told[first] = sums[0];
  told[first + WG] = sums[1];
  told[first + 2u * WG] = sums[2];
  told[first + 3u * WG] = sums[3];
  workgroupBarrier();
  let sum = told[4u * thread] + told[4u * thread + 1u] + told[4u * thread + 2u] + told[4u * thread + 3u];
  workgroupBarrier();
  return sum;
}

fn most_of_tile(value: vec4f, thread: u32) -> vec4f {
  told[thread] = value;
  workgroupBarrier();
  if (thread < WG / 8u) {
    var most = told[8u * thread];
    for (var i = 1u; i < 8u; i++) { most = max(most, told[8u * thread + i]); }
    told[WG + thread] = most;
  }
  workgroupBarrier();
  var most = told[WG];
  for (var i = 1u; i < WG / 8u; i++) { most = max(most, told[WG + i]); }
  return most;
}

fn sum_of_tile(value: vec4f, thread: u32) -> vec4f {
  told[thread] = value;
  workgroupBarrier();
  if (thread < WG / 8u) {
    var sum = told[8u * thread];
    for (var i = 1u; i < 8u; i++) { sum += told[8u * thread + i]; }
    told[WG + thread] = sum;
  }
  workgroupBarrier();
  var sum = told[WG];
  for (var i = 1u; i < WG / 8u; i++) { sum += told[WG + i]; }
  return sum;
}

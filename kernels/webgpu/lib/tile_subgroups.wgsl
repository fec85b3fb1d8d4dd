// What the threads of attend_vec tell each other about a tile of keys, one for each of them; by subgroups.
enable subgroups;

var<workgroup> told: array<vec4f, WG>;

// The key of the tile that a thread has after `own_sum`.
fn own_key(thread: u32) -> u32 { return thread / 4u + thread % 4u * (WG / 4u); }

// Four neighbours have parts of the sums of keys thread / 4 + i * WG / 4; what comes is that of the thread's own key.
fn own_sum(sums: array<vec4f, 4>, thread: u32) -> vec4f {
  let a = sum_of_four(sums[0]);
  let b = sum_of_four(sums[1]);
  let c = sum_of_four(sums[2]);
  let d = sum_of_four(sums[3]);
  let odd = (thread & 1u) == 1u;
  return select(select(a, b, odd), select(c, d, odd), (thread & 2u) == 2u);
}

fn sum_of_four(value: vec4f) -> vec4f {
  let two = value + subgroupShuffleXor(value, 1u);
  return two + subgroupShuffleXor(two, 2u);
}

fn most_of_tile(value: vec4f, thread: u32) -> vec4f {
  let size = subgroupAdd(1u);
  let own = subgroupMax(value);
  if (subgroupElect()) { told[thread / size] = own; }
  workgroupBarrier();
  var most = told[0];
  for (var i = 1u; i < WG / size; i++) { most = max(most, told[i]); }
  return most;
}

fn sum_of_tile(value: vec4f, thread: u32) -> vec4f {
  let size = subgroupAdd(1u);
  let own = subgroupAdd(value);
  if (subgroupElect()) { told[thread / size] = own; }
  workgroupBarrier();
  var sum = told[0];
  for (var i = 1u; i < WG / size; i++) { sum += told[i]; }
  return sum;
}

// The pairs of tokens and experts by experts: where the list of each begins, then the lists, all as f32. A workgroup
// for each expert goes over all pairs; those of experts before its own it only counts.
// uses: step, rows

struct Params {
  experts: u32,
  used: u32,
  lists: u32, // where the first list begins
  rows: u32,
}
@group(0) @binding(1) var<uniform> params: Params;
@group(0) @binding(2) var<storage, read> chosen: array<f32>; // (tokens, used)
@group(0) @binding(3) var<storage, read_write> out: array<f32>;

const WG = 64u;

// Pairs that each thread has seen: of experts before this one, and its own.
var<workgroup> seen: array<vec2u, WG>;

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) id: vec3u, @builtin(local_invocation_index) thread: u32) {
  let pairs = row_count(params.rows) * params.used;
  var mine = vec2u();
  for (var pair = thread; pair < pairs; pair += WG) {
    let expert = expert_of(pair);
    mine += vec2u(u32(expert < id.x), u32(expert == id.x));
  }
  seen[thread] = mine;
  workgroupBarrier();
  var start = 0u;
  var before = 0u;
  for (var i = 0u; i < WG; i++) {
    start += seen[i].x;
    if (i < thread) { before += seen[i].y; }
  }
  if (thread == 0u) { out[id.x] = f32(start); }
  if (thread == 0u && id.x == params.experts - 1u) { out[params.experts] = f32(pairs); }
  var place = params.lists + start + before;
  for (var pair = thread; pair < pairs; pair += WG) {
    if (expert_of(pair) != id.x) { continue; }
    out[place] = f32(pair);
    place++;
  }
}

fn expert_of(pair: u32) -> u32 {
  return u32(chosen[pair / params.used * stride(params.used) + pair % params.used]);
}

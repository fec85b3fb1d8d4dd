// limit_groups: a team for each row; its threads say how good groups are, then which of them are kept.
// uses: step, rows, team

// At most MOST_GROUPS groups of `size` values.
struct Params { width: u32, groups: u32, size: u32, used: u32, best: u32, low: f32 }
@group(0) @binding(1) var<uniform> params: Params;
@group(0) @binding(2) var<storage, read> x: array<f32>;
@group(0) @binding(3) var<storage, read_write> out: array<f32>;

const MOST_GROUPS = 256u;
var<workgroup> goods: array<f32, MOST_GROUPS>;

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) id: vec3u, @builtin(local_invocation_index) thread: u32) {
  let row = id.y * stride(params.width);
  for (var g = thread; g < params.groups; g += WG) { goods[g] = goodness(row + g * params.size); }
  workgroupBarrier();
  for (var i = thread; i < stride(params.width); i += WG) {
    var value = 0.0;
    if (i < params.width) { value = select(params.low, x[row + i], is_kept(i / params.size)); }
    out[row + i] = value;
  }
}

// The sum of the `best` largest values, the largest first: each is the largest of those that come after the last one.
fn goodness(first: u32) -> f32 {
  var sum = 0.0;
  var last = NONE;
  for (var n = 0u; n < params.best; n++) {
    var next = NONE;
    for (var i = 0u; i < params.size; i++) {
      if (last != NONE && !comes_before(first, last, i)) { continue; }
      if (next == NONE || comes_before(first, i, next)) { next = i; }
    }
    if (next == NONE) { return sum; }
    sum += x[first + next];
    last = next;
  }
  return sum;
}

fn comes_before(first: u32, a: u32, b: u32) -> bool {
  let x_a = x[first + a];
  let x_b = x[first + b];
  return x_a > x_b || (x_a == x_b && a < b);
}

fn is_kept(group: u32) -> bool {
  var better = 0u;
  for (var g = 0u; g < params.groups; g++) {
    better += u32(goods[g] > goods[group] || (goods[g] == goods[group] && g < group));
  }
  return better < params.used;
}

// Sums and maxima over the WG threads of a workgroup: within subgroups, then over those.

enable subgroups;

var<workgroup> partials: array<f32, WG>;

// A subgroup holds neighbouring threads. One of fewer than its lanes is as large as the workgroup.
fn sum_of_all(value: f32, thread: u32) -> f32 {
  let lanes = subgroupAdd(1u);
  let part = subgroupAdd(value);
  if (subgroupElect()) { partials[thread / lanes] = part; }
  workgroupBarrier();
  var total = 0.0;
  for (var i = 0u; i < WG / lanes; i++) { total += partials[i]; }
  workgroupBarrier();
  return total;
}

fn most_of_all(value: f32, thread: u32) -> f32 {
  let lanes = subgroupAdd(1u);
  let part = subgroupMax(value);
  if (subgroupElect()) { partials[thread / lanes] = part; }
  workgroupBarrier();
  var most = partials[0];
  for (var i = 1u; i < WG / lanes; i++) { most = max(most, partials[i]); }
  workgroupBarrier();
  return most;
}

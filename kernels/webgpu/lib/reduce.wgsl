// Sums and maxima over the WG threads of a workgroup; every thread gets them, and all must ask.

var<workgroup> partials: array<f32, WG>;

fn sum_of_all(value: f32, thread: u32) -> f32 {
  partials[thread] = value;
  for (var half = WG / 2u; half > 0u; half >>= 1u) {
    workgroupBarrier();
    if (thread < half) { partials[thread] += partials[thread + half]; }
  }
  let total = workgroupUniformLoad(&partials[0]);
  workgroupBarrier();
  return total;
}

fn most_of_all(value: f32, thread: u32) -> f32 {
  partials[thread] = value;
  for (var half = WG / 2u; half > 0u; half >>= 1u) {
    workgroupBarrier();
    if (thread < half) { partials[thread] = max(partials[thread], partials[thread + half]); }
  }
  let most = workgroupUniformLoad(&partials[0]);
  workgroupBarrier();
  return most;
}

// Sums over `splits` neighbouring threads of a workgroup of WG, a power of two; all threads must ask.

var<workgroup> split_parts: array<vec3f, WG>;

fn sum_of_splits(value: vec3f, thread: u32, splits: u32) -> vec3f {
  if (splits == 1u) { return value; }
  workgroupBarrier();
  split_parts[thread] = value;
  workgroupBarrier();
  let first = thread & ~(splits - 1u);
  var sum = split_parts[first];
  for (var i = 1u; i < splits; i++) { sum += split_parts[first + i]; }
  return sum;
}

// Sums over `splits` neighbouring threads of a subgroup, a power of two; all threads must ask.
enable subgroups;

fn sum_of_splits(value: vec3f, thread: u32, splits: u32) -> vec3f {
  var sum = value;
  for (var away = 1u; away < splits; away <<= 1u) { sum += subgroupShuffleXor(sum, away); }
  return sum;
}

// The part `expert_of` of kernels whose workgroups are for one expert, and the lists of pairs: `chosen` holds what
// expert_lists.wgsl makes of it.

// That of the workgroup.
var<private> expert: u32;

fn expert_of(pair: u32) -> u32 { return expert; }

// Of groups, every token has a pair.
fn list_length(e: u32) -> u32 {
  if (params.chooses == 0u) { return row_count(params.rows); }
  return u32(chosen[e + 1u] - chosen[e]);
}

fn listed(e: u32, i: u32) -> u32 {
  if (params.chooses == 0u) { return i * params.used + e; }
  return u32(chosen[params.lists + u32(chosen[e]) + i]);
}

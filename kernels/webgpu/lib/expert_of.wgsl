// The expert of a pair, looked up by it.

fn expert_of(pair: u32) -> u32 {
  let slot = pair % params.used;
  if (params.chooses == 0u) { return slot; }
  return u32(chosen[pair / params.used * stride(params.used) + slot]);
}

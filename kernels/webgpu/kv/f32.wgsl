// Keys and values as F32: four to a vec4u.

// Values of one load, and of one store.
const KV_GROUP = 4u;
const KV_BLOCK = 4u;
alias KvGroup = array<vec4f, KV_GROUP / 4u>;
alias KvBlock = array<vec4f, KV_BLOCK / 4u>;

// `row`: where the head's row begins, in vec4u.
fn kv_load(cache: ptr<storage, array<vec4u>, read>, row: u32, group: u32) -> KvGroup {
  return KvGroup(bitcast<vec4f>((*cache)[row + group]));
}

fn kv_store(cache: ptr<storage, array<u32>, read_write>, row: u32, block: u32, values: KvBlock) {
  let words = bitcast<vec4u>(values[0]);
  for (var i = 0u; i < 4u; i++) { (*cache)[4u * (row + block) + i] = words[i]; }
}

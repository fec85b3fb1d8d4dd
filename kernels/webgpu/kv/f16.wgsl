// Keys and values as F16: eight to a vec4u.

// Values of one load, and of one store.
const KV_GROUP = 8u;
const KV_BLOCK = 8u;
alias KvGroup = array<vec4f, KV_GROUP / 4u>;
alias KvBlock = array<vec4f, KV_BLOCK / 4u>;

// `row`: where the head's row begins, in vec4u.
fn kv_load(cache: ptr<storage, array<vec4u>, read>, row: u32, group: u32) -> KvGroup {
  let x = (*cache)[row + group];
  return KvGroup(
    vec4f(unpack2x16float(x.x), unpack2x16float(x.y)),
    vec4f(unpack2x16float(x.z), unpack2x16float(x.w)),
  );
}

// What is larger becomes the largest F16, not infinity.
fn kv_store(cache: ptr<storage, array<u32>, read_write>, row: u32, block: u32, values: KvBlock) {
  for (var i = 0u; i < 2u; i++) {
    let four = clamp(values[i], vec4f(-65504.0), vec4f(65504.0));
    (*cache)[4u * (row + block) + 2u * i] = pack2x16float(four.xy);
    (*cache)[4u * (row + block) + 2u * i + 1u] = pack2x16float(four.zw);
  }
}

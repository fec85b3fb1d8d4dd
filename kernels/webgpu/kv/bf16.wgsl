// Keys and values as BF16: eight to a vec4u.

// Values of one load, and of one store.
const KV_GROUP = 8u;
const KV_BLOCK = 8u;
alias KvGroup = array<vec4f, KV_GROUP / 4u>;
alias KvBlock = array<vec4f, KV_BLOCK / 4u>;

// `row`: where the head's row begins, in vec4u.
fn kv_load(cache: ptr<storage, array<vec4u>, read>, row: u32, group: u32) -> KvGroup {
  let x = (*cache)[row + group];
  let low = bitcast<vec4f>(x << vec4u(16u));
  let high = bitcast<vec4f>(x & vec4u(0xffff0000u));
  return KvGroup(vec4f(low.x, high.x, low.y, high.y), vec4f(low.z, high.z, low.w, high.w));
}

fn kv_store(cache: ptr<storage, array<u32>, read_write>, row: u32, block: u32, values: KvBlock) {
  for (var i = 0u; i < 2u; i++) {
    let upper = upper_halves(bitcast<vec4u>(values[i]));
    (*cache)[4u * (row + block) + 2u * i] = upper.x | (upper.y << 16u);
    (*cache)[4u * (row + block) + 2u * i + 1u] = upper.z | (upper.w << 16u);
  }
}

// Ties to even; a NaN is made quiet so that rounding cannot turn it into something else.
fn upper_halves(bits: vec4u) -> vec4u {
  let rounded = (bits + vec4u(0x7fffu) + ((bits >> vec4u(16u)) & vec4u(1u))) >> vec4u(16u);
  let nan = (bits >> vec4u(16u)) | vec4u(64u);
  return select(rounded, nan, (bits & vec4u(0x7fffffffu)) > vec4u(0x7f800000u));
}

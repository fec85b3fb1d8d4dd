// Keys and values as Q8_0, signed bytes with a scale for each 32 of a head. In vec4u, of every 128 values of a row:
//
//   [d0 d1 d2 d3: F32] [q0 ... q15] [q16 ... q31] ...      fewer bytes where the row ends; d is what F16 keeps of it

// Values of one load, and of one store.
const KV_GROUP = 16u;
const KV_BLOCK = 32u;
alias KvGroup = array<vec4f, KV_GROUP / 4u>;
alias KvBlock = array<vec4f, KV_BLOCK / 4u>;

// `row`: where the head's row begins, in vec4u.
fn kv_load(cache: ptr<storage, array<vec4u>, read>, row: u32, group: u32) -> KvGroup {
  let at = row + 9u * (group >> 3u);
  let d = bitcast<f32>((*cache)[at][(group & 7u) >> 1u]);
  let x = (*cache)[at + 1u + (group & 7u)];
  return KvGroup(
    d * vec4f(unpack4xI8(x.x)),
    d * vec4f(unpack4xI8(x.y)),
    d * vec4f(unpack4xI8(x.z)),
    d * vec4f(unpack4xI8(x.w)),
  );
}

fn kv_store(cache: ptr<storage, array<u32>, read_write>, row: u32, block: u32, values: KvBlock) {
  var most = vec4f(0.0);
  for (var i = 0u; i < 8u; i++) { most = max(most, abs(values[i])); }
  let d = max(max(most.x, most.y), max(most.z, most.w)) / 127.0;
  let inverse = select(0.0, 1.0 / d, d != 0.0);
  let at = 4u * (row + 9u * (block >> 2u));
  (*cache)[at + (block & 3u)] = bitcast<u32>(as_half(min(d, 65504.0)));
  for (var i = 0u; i < 8u; i++) {
    // Halves go away from zero.
    let x = values[i] * inverse;
    (*cache)[at + 4u + 8u * (block & 3u) + i] = pack4xI8(vec4i(sign(x) * floor(abs(x) + 0.5)));
  }
}

// Ties to even; compilers take packing and unpacking for nothing at all.
fn as_half(x: f32) -> f32 {
  let bits = bitcast<u32>(x);
  let rounded = (bits + 0xfffu + ((bits >> 13u) & 1u)) & 0xffffe000u;
  // The smallest ones are multiples of 2^-24.
  return select(bitcast<f32>(rounded), round(x * 16777216.0) / 16777216.0, x < 0x1p-14f);
}

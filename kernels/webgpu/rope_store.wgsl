// rope of queries and of keys, which go to their pages with the values. A thread for four floats of a query, or for a
// block of a head.
// uses: kv_store, turn, kv

struct Params {
  width: u32, // of queries
  pairs: u32,
  pairing: u32,
  kvHeads: u32,
  headDim: u32,
  valueDim: u32,
  keyQuads: u32,
  valueQuads: u32,
  pageQuads: u32,
  pageTokens: u32,
}
@group(0) @binding(1) var<uniform> params: Params;
@group(0) @binding(2) var<storage, read> q: array<f32>;
@group(0) @binding(3) var<storage, read> k: array<f32>;
@group(0) @binding(4) var<storage, read> v: array<f32>;
@group(0) @binding(5) var<storage, read> table: array<vec2f>;
@group(0) @binding(6) var<storage, read_write> cache: array<u32>;
@group(0) @binding(7) var<storage, read_write> out: array<vec4f>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let t = id.y;
  if (t >= token_count()) { return; }
  let fours = stride(params.width) / 4u;
  if (id.x >= fours) {
    store_block(t, id.x - fours);
    return;
  }
  let row = t * stride(params.width);
  var four = vec4f(0.0);
  for (var i = 0u; i < 4u && 4u * id.x + i < params.width; i++) {
    let place = 4u * id.x + i;
    let d = place % params.headDim;
    four[i] = turned(&q, row + place - d, d, token_position(t));
  }
  out[t * fours + id.x] = four;
}

fn key_at(start: u32, d: u32, position: u32) -> f32 { return turned(&k, start, d, position); }

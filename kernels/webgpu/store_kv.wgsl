// attend, first of all: keys and values of the step's tokens go to their pages.
// uses: kv_store, kv

struct Params {
  kvHeads: u32,
  headDim: u32,
  valueDim: u32,
  keyQuads: u32,
  valueQuads: u32,
  pageQuads: u32,
  pageTokens: u32,
}
@group(0) @binding(1) var<uniform> params: Params;
@group(0) @binding(2) var<storage, read> k: array<f32>;
@group(0) @binding(3) var<storage, read> v: array<f32>;
@group(0) @binding(4) var<storage, read_write> cache: array<u32>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
  if (id.y < token_count()) { store_block(id.y, id.x); }
}

fn key_at(start: u32, d: u32, position: u32) -> f32 { return k[start + d]; }

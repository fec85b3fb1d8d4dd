// route: a thread for each expert finds how many are better. Values are compared as the whole numbers that their bits
// are, which orders NaN and infinities too: each expert has a rank of its own.
// uses: rows

struct Params { experts: u32, chosen: u32 }
@group(0) @binding(1) var<uniform> params: Params;
@group(0) @binding(2) var<storage, read> x: array<u32>;
@group(0) @binding(3) var<storage, read_write> out: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let row = id.y * stride(params.chosen);
  if (id.x >= params.chosen && id.x < stride(params.chosen)) { out[row + id.x] = 0.0; }
  if (id.x >= params.experts) { return; }
  let first = id.y * stride(params.experts);
  let own = ordered(x[first + id.x]);
  var rank = 0u;
  for (var i = 0u; i < params.experts; i++) {
    let other = ordered(x[first + i]);
    rank += u32(other > own || (other == own && i < id.x));
  }
  if (rank < params.chosen) { out[row + rank] = f32(id.x); }
}

// Of two floats the larger has the larger number; both zeros have the same.
fn ordered(bits: u32) -> u32 {
  if (bits == 0x80000000u) { return 0x80000000u; }
  return select(bits | 0x80000000u, ~bits, bits > 0x80000000u);
}

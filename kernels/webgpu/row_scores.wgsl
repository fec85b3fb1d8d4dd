// row_scores: a thread for each head, row of the table and eight tokens.
// uses: step, rows

struct Params { heads: u32, headDim: u32, height: u32 }
@group(0) @binding(1) var<uniform> params: Params;
@group(0) @binding(2) var<storage, read> x: array<f32>;
@group(0) @binding(3) var<storage, read> table: array<vec4f>; // (heads, fours of a head, height)
@group(0) @binding(4) var<storage, read_write> out: array<f32>;

const TOKENS = 8u;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let width = params.heads * params.height;
  let row_stride = stride(width);
  let first = id.y * TOKENS;
  if (id.x >= row_stride || first >= token_count()) { return; }
  let head = id.x / params.height;
  let fours = (params.headDim + 3u) / 4u;
  let last = token_count() - 1u;
  var sums: array<f32, TOKENS>;
  for (var four = 0u; id.x < width && four < fours; four++) {
    let values = table[(head * fours + four) * params.height + id.x % params.height];
    for (var i = 0u; i < TOKENS; i++) {
      let at = min(first + i, last) * stride(params.heads * params.headDim) + head * params.headDim;
      sums[i] += dot(values, quad(at, 4u * four));
    }
  }
  for (var i = 0u; i < TOKENS && first + i <= last; i++) { out[(first + i) * row_stride + id.x] = sums[i]; }
}

// The table is zero beyond the head, so that any finite number will do there.
fn quad(at: u32, d: u32) -> vec4f {
  let last = params.headDim - 1u;
  return vec4f(x[at + d], x[at + min(d + 1u, last)], x[at + min(d + 2u, last)], x[at + min(d + 3u, last)]);
}

// Multiplies and adds between registers, in f32: how fast a device calculates at most (src/backends/webgpu/measure.ts).

@group(0) @binding(0) var<storage, read_write> sums: array<f32>;

// 64 rounds of 4 vectors of 4 values: 2048 operations a thread.
@compute @workgroup_size(256)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let factor = vec4f(0.5 + f32(id.x & 7u) * 0.01);
  let summand = factor.yzwx * 0.25;
  var a = factor;
  var b = factor + 1.0;
  var c = factor + 2.0;
  var d = factor + 3.0;
  // Four sums that do not wait for each other.
  for (var i = 0u; i < 64u; i++) {
    a = a * factor + summand;
    b = b * factor + summand;
    c = c * factor + summand;
    d = d * factor + summand;
  }
  let sum = a + b + c + d;
  sums[id.x] = sum.x + sum.y + sum.z + sum.w;
}

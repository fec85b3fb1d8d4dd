// Reads a buffer once and keeps next to nothing: how fast memory gives its bytes (src/backends/webgpu/measure.ts).

@group(0) @binding(0) var<storage, read> data: array<vec4u>;
@group(0) @binding(1) var<storage, read_write> sums: array<u32>;

// Neighbours read neighbours; four loads of a thread are on their way at once.
@compute @workgroup_size(256)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let threads = groups.x * 256u;
  var sum = vec4u(0u);
  for (var i = id.x; i + 3u * threads < arrayLength(&data); i += 4u * threads) {
    sum += (data[i] ^ data[i + threads]) + (data[i + 2u * threads] ^ data[i + 3u * threads]);
  }
  // Else the compiler would see that nobody reads the sum.
  sums[id.x] = sum.x + sum.y + sum.z + sum.w;
}

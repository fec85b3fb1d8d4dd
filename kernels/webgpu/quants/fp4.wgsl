// FP4, 32 of a block of 64 a group: value = d * levels[q], bitsandbytes' floats. Planes: 32 bytes of nibbles, low
// ones of the first group, high ones of the second; d (F32).
// uses: level_blocks

const levels = array<f32, 16>(
  0.0, 0.0625 / 12.0, 8.0 / 12.0, 1.0, 4.0 / 12.0, 0.5, 2.0 / 12.0, 0.25,
  0.0, -0.0625 / 12.0, -8.0 / 12.0, -1.0, -4.0 / 12.0, -0.5, -2.0 / 12.0, -0.25,
);

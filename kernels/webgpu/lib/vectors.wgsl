// Values of a small weight that begins there in `vectors`, or what stands for them where there is none.
// uses: step

fn vector_at(begin: u32, i: u32, otherwise: f32) -> f32 {
  if (begin == NONE) { return otherwise; }
  return vectors[begin + i];
}

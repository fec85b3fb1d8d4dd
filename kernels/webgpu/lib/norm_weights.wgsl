// The weight and the bias of a norm for a value of a row, where there are any: of the row, or the same for all groups.

fn weight_at(i: u32) -> f32 {
  if (params.weight == NONE) { return 1.0; }
  return vectors[params.weight + i % params.weights] + params.offset;
}

fn bias_at(i: u32) -> f32 {
  if (params.bias == NONE) { return 0.0; }
  return vectors[params.bias + i % params.weights];
}

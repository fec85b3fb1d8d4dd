// What rope makes of a value; for kernels with parameters pairs and pairing (0: (i, i + pairs), 1: (2i, 2i + 1)), and a
// table of cosines and sines, (positions, pairs).

// Of the value at `d` of the head that begins at `start`.
fn turned(x: ptr<storage, array<f32>, read>, start: u32, d: u32, position: u32) -> f32 {
  let value = (*x)[start + d];
  if (d >= 2u * params.pairs) { return value; }
  var pair = d / 2u;
  var partner = d ^ 1u;
  var second = (d & 1u) == 1u;
  if (params.pairing == 0u) {
    second = d >= params.pairs;
    pair = select(d, d - params.pairs, second);
    partner = select(d + params.pairs, pair, second);
  }
  let angle = table[position * params.pairs + pair];
  let other = (*x)[start + partner];
  return value * angle.x + select(-other, other, second) * angle.y;
}

// Which values of a head turn together, and what becomes of them.

struct Turning {
  pair: u32,
  partner: u32, // its place in the head
  second: bool, // of the pair
}

// Of the value at `d`, of the first 2 * pairs. Layout 0: (i, i + pairs), 1: (2i, 2i + 1).
fn turning_of(d: u32, pairs: u32, pairing: u32) -> Turning {
  if (pairing == 1u) { return Turning(d / 2u, d ^ 1u, (d & 1u) == 1u); }
  let second = d >= pairs;
  let pair = select(d, d - pairs, second);
  return Turning(pair, select(d + pairs, pair, second), second);
}

// `angle`: cosine and sine.
fn turned(value: f32, partner: f32, turning: Turning, angle: vec2f) -> f32 {
  return value * angle.x + select(-partner, partner, turning.second) * angle.y;
}

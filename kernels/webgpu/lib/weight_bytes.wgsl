// 32 values of a weight as signed bytes, four in a word, the first one lowest: value = ramp.x * byte - ramp.y.

const GROUP = 32u;
struct Group {
  low: vec4u,
  high: vec4u,
  ramp: vec2f,
}

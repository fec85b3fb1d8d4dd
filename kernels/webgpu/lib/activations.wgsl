// Functions of one value, by the numbers of src/backends/webgpu/lower/activations.ts; what they mean is said beside
// Activation in src/program/value_ops.ts. No power of e overflows. Bounds are selects, not min and max: NaN passes.

// e^-|x|; far below what a float holds it is 0, whatever x.
fn power_below(x: f32) -> f32 {
  let y = -abs(x);
  return exp(select(y, -200.0, y < -200.0));
}

fn sigmoid(x: f32) -> f32 {
  let power = power_below(x);
  return select(1.0, power, x < 0.0) / (1.0 + power);
}

// The device's own is only good to 5e-5.
fn tanh_of(x: f32) -> f32 {
  let power = power_below(2.0 * x);
  let size = (1.0 - power) / (1.0 + power);
  return select(size, -size, x < 0.0);
}

fn relu(x: f32) -> f32 { return select(x, 0.0, x < 0.0); }

// max(x, 0) - |x| erfc(|x| / sqrt 2) / 2, and erfc(z) = e^(-z^2) times a polynomial of 1 / (1 + 0.3275911 z), within
// 1.5e-7 (Abramowitz and Stegun 7.1.26). Beyond z = 15 it is 0.
fn gelu(x: f32) -> f32 {
  let z = min(abs(x) * 0.70710678, 15.0);
  let t = 1.0 / (1.0 + 0.3275911 * z);
  var p = 1.061405429 * t - 1.453152027;
  p = p * t + 1.421413741;
  p = p * t - 0.284496736;
  p = p * t + 0.254829592;
  return relu(x) - 0.5 * abs(x) * p * t * power_below(z * z);
}

// (1 + tanh y) / 2 is 1 / (1 + e^(-2 y)). Beyond 100 it is 0 or 1, and the cube of x stays finite.
fn gelu_tanh(x: f32) -> f32 {
  let near = clamp(x, -100.0, 100.0);
  return x * sigmoid(2.0 * 0.79788456 * near * (1.0 + 0.044715 * near * near));
}

fn activate(kind: u32, x: f32) -> f32 {
  switch kind {
    case 0u: { return x * sigmoid(x); }
    case 1u: { return gelu(x); }
    case 2u: { return gelu_tanh(x); }
    case 3u: { return x * sigmoid(1.702 * x); }
    case 4u: { return relu(x); }
    case 5u: { return relu(x) * relu(x); }
    case 6u: { return sigmoid(x); }
    default: { return tanh_of(x); }
  }
}

// What a gated unit makes of gate and up.
fn gate(kind: u32, gate: f32, up: f32) -> f32 {
  if (kind != 8u) { return activate(kind, gate) * up; }
  let g = select(gate, 7.0, gate > 7.0);
  let u = select(select(up, -7.0, up < -7.0), 7.0, up > 7.0);
  return g * sigmoid(1.702 * g) * (u + 1.0);
}

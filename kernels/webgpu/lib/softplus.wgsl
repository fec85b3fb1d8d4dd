// log(1 + e^x).

// max(x, 0) + log(1 + u) with u = e^-|x|, and log(1 + u) = 2 atanh(s) with s = u / (2 + u): s is at most 1/3, and seven
// terms of the series leave less than 2^-26 of it. The device's own logarithm has no digits of small u.
fn softplus(x: f32) -> f32 {
  let u = exp(max(-abs(x), -200.0));
  let s = u / (2.0 + u);
  let square = s * s;
  var p = 2.0 / 13.0 * square + 2.0 / 11.0;
  p = p * square + 2.0 / 9.0;
  p = p * square + 2.0 / 7.0;
  p = p * square + 2.0 / 5.0;
  p = p * square + 2.0 / 3.0;
  p = p * square + 2.0;
  return p * s + max(x, 0.0);
}

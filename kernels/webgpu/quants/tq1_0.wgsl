// TQ1_0, 32 of a block of 256 a group: value = d * q, q of -1, 0, 1. Planes: 48 bytes of five digits; 4 of four; d
// (F16). Digit j of bytes 0 to 31 is of group j, j < 5; of the other 16 groups 5 to 7 have digits 0 and 1, 2 and 3,
// and 4; the rest of group 7 are the digits of the last four bytes.
// uses: planes

const GROUP = 32u;
alias Group = array<vec4f, GROUP / 4u>;

fn decode(w: ptr<storage, array<vec4u>, read>, planes: vec4u, at: u32) -> Group {
  const powers = array<u32, 8>(1u, 3u, 9u, 27u, 81u, 1u, 9u, 81u);
  let block = at >> 3u;
  let j = at & 7u;
  let d = plane_f16(w, planes.z, block);
  let power = powers[j];
  let bytes = planes.x + 3u * block;
  let low = (*w)[bytes + select(0u, 2u, j >= 5u)];
  var high = (*w)[bytes + select(1u, 2u, j >= 5u)];
  var high_powers = vec4u(select(power, 3u * power, j >= 5u));
  if (j == 7u) {
    high = vec4u(plane_u32(w, planes.y, block));
    high_powers = vec4u(1u, 3u, 9u, 27u);
  }
  return Group(
    d * tq1_0_digits(low.x, power), d * tq1_0_digits(low.y, power),
    d * tq1_0_digits(low.z, power), d * tq1_0_digits(low.w, power),
    d * tq1_0_digits(high.x, high_powers.x), d * tq1_0_digits(high.y, high_powers.y),
    d * tq1_0_digits(high.z, high_powers.z), d * tq1_0_digits(high.w, high_powers.w),
  );
}

// A byte is a fraction in base 3: the digits before the wanted one leave at the top, then it is the carry.
fn tq1_0_digits(x: u32, power: u32) -> vec4f {
  let rest = (unpack4xU8(x) * power) & vec4u(255u);
  return vec4f((rest * 3u) >> vec4u(8u)) - 1.0;
}

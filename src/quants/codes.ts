// Codes of 32 neighbours that share one scale, as ggml's reference quantisers of Q4_0 to Q5_1 find and round them.
//
// Where a scale is so small that its inverse is infinite, they give 0 on x86, and so does this.

const count = 32;
const { fround } = Math;

/** Codes of so many bits from the middle, whose lowest times `d` is the value of largest magnitude: met exactly, whatever its sign. */
export function centredCodes(values: Float32Array, at: number, bits: number, codes: Uint8Array): { d: number } {
  const middle = 2 ** (bits - 1);
  const d = fround(largestSigned(values, at) / -middle);
  const inverse = d ? fround(1 / d) : 0;
  for (let i = 0; i < count; i++) {
    const code = Math.trunc(fround(fround(values[at + i]! * inverse) + middle + 0.5));
    codes[i] = Number.isFinite(code) ? Math.min(2 * middle - 1, code) : 0;
  }
  return { d };
}

/** Codes of so many bits from the least value `m` in steps of `d` up to the greatest. */
export function rangeCodes(
  values: Float32Array,
  at: number,
  bits: number,
  codes: Uint8Array,
): { d: number; m: number } {
  let m = values[at]!;
  let greatest = m;
  for (let i = 1; i < count; i++) {
    const value = values[at + i]!;
    if (value < m) m = value; // of zeros the first, whatever its sign
    if (value > greatest) greatest = value;
  }
  const highest = 2 ** bits - 1;
  const d = fround(fround(greatest - m) / highest);
  const inverse = d ? fround(1 / d) : 0;
  for (let i = 0; i < count; i++) {
    const code = Math.trunc(fround(fround(fround(values[at + i]! - m) * inverse) + 0.5));
    codes[i] = Number.isFinite(code) ? Math.min(highest, code) : 0;
  }
  return { d, m };
}

/** The low four bits of 32 codes: code i in the low half of byte i, code 16 + i in the high half. */
export function putNibbles(codes: Uint8Array, out: Uint8Array, to: number): void {
  for (let i = 0; i < count / 2; i++) out[to + i] = (codes[i]! & 15) | ((codes[16 + i]! & 15) << 4);
}

/** The fifth bits of 32 codes: bit i of four bytes is that of code i. */
export function putFifthBits(codes: Uint8Array, out: Uint8Array, to: number): void {
  for (let byte = 0; byte < 4; byte++) {
    let bits = 0;
    for (let i = 0; i < 8; i++) bits |= (codes[8 * byte + i]! >> 4) << i;
    out[to + byte] = bits;
  }
}

/** Code i of 32 whose low bits are nibbles at `nibbles` and whose fifth bits are at `fifths`. */
export function fiveBits(bytes: Uint8Array, nibbles: number, fifths: number, i: number): number {
  const pair = bytes[nibbles + (i & 15)]!;
  const low = i < 16 ? pair & 15 : pair >> 4;
  return low | (((bytes[fifths + (i >> 3)]! >> (i & 7)) & 1) << 4);
}

function largestSigned(values: Float32Array, at: number): number {
  let largest = 0;
  for (let i = 0; i < count; i++) {
    if (Math.abs(values[at + i]!) > Math.abs(largest)) largest = values[at + i]!;
  }
  return largest;
}

// F16: IEEE 754 binary16, little-endian. The scales of quantised blocks are of this type too.
//
//   byte  0        1
//        [mmmmmmmm][seeeeemm]     block of 1 value, 2 bytes

import type { Codec } from "./codec.js";

const float = new Float32Array(1);
const bits = new Uint32Array(float.buffer);

/** The value of 16 bits. Exact: every binary16 is a binary32. */
export function halfToFloat(half: number): number {
  const sign = half & 0x8000 ? -1 : 1;
  const exponent = (half >> 10) & 0x1f;
  const mantissa = half & 0x3ff;
  if (exponent === 0) return sign * mantissa * 2 ** -24;
  if (exponent === 31) return mantissa ? Number.NaN : sign * Number.POSITIVE_INFINITY;
  return sign * (1 + mantissa / 1024) * 2 ** (exponent - 15);
}

/** The 16 bits nearest to a value, ties to even, as the F16C instruction rounds. */
export function floatToHalf(value: number): number {
  float[0] = value;
  const word = bits[0]!;
  const sign = (word >>> 16) & 0x8000;
  const magnitude = word & 0x7fffffff;
  if (magnitude > 0x7f800000) return sign | 0x7e00 | ((magnitude >> 13) & 0x3ff);
  if (magnitude >= 0x477ff000) return sign | 0x7c00; // 65520 and more round to infinity
  if (magnitude < 0x38800000) return sign | roundEven(Math.abs(float[0]!) * 2 ** 24); // subnormal
  const rounded = magnitude + 0xfff + ((magnitude >> 13) & 1);
  return sign | ((rounded - 0x38000000) >> 13);
}

/** The half for a step between levels: finite, and zero only for zero. */
export function fittingHalf(value: number): number {
  const half = floatToHalf(Math.max(-65504, Math.min(65504, value)));
  return value && !(half & 0x7fff) ? half | 1 : half;
}

/** The nearest whole number, ties to even. */
export function roundEven(value: number): number {
  const floor = Math.floor(value);
  const rest = value - floor;
  return rest > 0.5 || (rest === 0.5 && floor % 2 === 1) ? floor + 1 : floor;
}

export const f16: Codec = {
  decode(bytes, out) {
    for (let i = 0; i < out.length; i++) out[i] = halfToFloat(bytes[2 * i]! | (bytes[2 * i + 1]! << 8));
  },

  encode(values, out) {
    for (let i = 0; i < values.length; i++) {
      const half = floatToHalf(values[i]!);
      out[2 * i] = half;
      out[2 * i + 1] = half >> 8;
    }
  },
};

// Q4_0: 32 four-bit numbers with one scale; value = d * (q - 8).
//
//   byte  0 1     2        3              17
//        [d: F16][q16|q0 ][q17|q1 ] ... [q31|q15]     block of 32 values, 18 bytes (ggml block_q4_0)
//                 high|low nibble

import type { Codec } from "./codec.js";
import { floatToHalf, halfToFloat } from "./f16.js";

const block = 32;
const bytesPerBlock = 18;
const { fround } = Math;

export const q4_0: Codec = {
  decode(bytes, out) {
    for (let from = 0, at = 0; at < out.length; at += block, from += bytesPerBlock) {
      const d = halfToFloat(bytes[from]! | (bytes[from + 1]! << 8));
      for (let i = 0; i < block / 2; i++) {
        const pair = bytes[from + 2 + i]!;
        out[at + i] = ((pair & 15) - 8) * d;
        out[at + 16 + i] = ((pair >> 4) - 8) * d;
      }
    }
  },

  encode(values, out) {
    for (let at = 0, to = 0; at < values.length; at += block, to += bytesPerBlock) {
      // -8 * d is the value of largest magnitude, so that it is met exactly whatever its sign.
      const d = fround(largestSigned(values, at) / -8);
      const inverse = d ? fround(1 / d) : 0;
      const half = floatToHalf(d);
      out[to] = half;
      out[to + 1] = half >> 8;
      for (let i = 0; i < block / 2; i++) {
        out[to + 2 + i] = nibble(values[at + i]!, inverse) | (nibble(values[at + 16 + i]!, inverse) << 4);
      }
    }
  },
};

function largestSigned(values: Float32Array, at: number): number {
  let largest = 0;
  for (let i = 0; i < block; i++) {
    if (Math.abs(values[at + i]!) > Math.abs(largest)) largest = values[at + i]!;
  }
  return largest;
}

function nibble(value: number, inverse: number): number {
  return Math.min(15, Math.trunc(fround(fround(value * inverse) + 8.5)));
}

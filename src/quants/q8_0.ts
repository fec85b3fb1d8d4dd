// Q8_0: 32 signed bytes with one scale; value = d * q.
//
//   byte  0 1   2 3 ... 33
//        [d: F16][q0 q1 ... q31]      block of 32 values, 34 bytes (ggml block_q8_0)

import type { Codec } from "./codec.js";
import { floatToHalf, halfToFloat } from "./f16.js";

const block = 32;
const bytesPerBlock = 34;
const { fround } = Math;

export const q8_0: Codec = {
  decode(bytes, out) {
    for (let from = 0, at = 0; at < out.length; at += block, from += bytesPerBlock) {
      const d = halfToFloat(bytes[from]! | (bytes[from + 1]! << 8));
      for (let i = 0; i < block; i++) out[at + i] = ((bytes[from + 2 + i]! << 24) >> 24) * d;
    }
  },

  encode(values, out) {
    for (let at = 0, to = 0; at < values.length; at += block, to += bytesPerBlock) {
      let largest = 0;
      for (let i = 0; i < block; i++) largest = Math.max(largest, Math.abs(values[at + i]!));
      const d = fround(largest / 127);
      const inverse = d ? fround(1 / d) : 0;
      const half = floatToHalf(d);
      out[to] = half;
      out[to + 1] = half >> 8;
      for (let i = 0; i < block; i++) out[to + 2 + i] = roundAway(fround(values[at + i]! * inverse));
    }
  },
};

/** C's roundf: halves go away from zero. */
function roundAway(value: number): number {
  return value < 0 ? -Math.floor(0.5 - value) : Math.floor(value + 0.5);
}

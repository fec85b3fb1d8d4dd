// Q4_1: 32 four-bit numbers with a scale and a least value; value = d * q + m.
//
//   byte  0 1     2 3     4        5              19
//        [d: F16][m: F16][q16|q0 ][q17|q1 ] ... [q31|q15]     block of 32 values, 20 bytes (ggml block_q4_1)
//                         high|low nibble

import type { Codec } from "./codec.js";
import { putNibbles, rangeCodes } from "./codes.js";
import { floatToHalf, halfToFloat } from "./f16.js";

const block = 32;
const bytesPerBlock = 20;

export const q4_1: Codec = {
  decode(bytes, out) {
    for (let from = 0, at = 0; at < out.length; at += block, from += bytesPerBlock) {
      const d = halfToFloat(bytes[from]! | (bytes[from + 1]! << 8));
      const m = halfToFloat(bytes[from + 2]! | (bytes[from + 3]! << 8));
      for (let i = 0; i < block / 2; i++) {
        const pair = bytes[from + 4 + i]!;
        out[at + i] = d * (pair & 15) + m;
        out[at + 16 + i] = d * (pair >> 4) + m;
      }
    }
  },

  encode(values, out) {
    const codes = new Uint8Array(block);
    for (let at = 0, to = 0; at < values.length; at += block, to += bytesPerBlock) {
      const { d, m } = rangeCodes(values, at, 4, codes);
      [d, m].forEach((value, i) => {
        const half = floatToHalf(value);
        out[to + 2 * i] = half;
        out[to + 2 * i + 1] = half >> 8;
      });
      putNibbles(codes, out, to + 4);
    }
  },
};

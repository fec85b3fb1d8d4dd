// Q5_1: 32 five-bit numbers with a scale and a least value; value = d * q + m.
//
//   byte  0 1     2 3     4          7     8        9              23
//        [d: F16][m: F16][h7..h0] ...     [q16|q0 ][q17|q1 ] ... [q31|q15]     block of 32 values, 24 bytes
//                         fifth bits       high|low nibble                     (ggml block_q5_1)

import type { Codec } from "./codec.js";
import { fiveBits, putFifthBits, putNibbles, rangeCodes } from "./codes.js";
import { floatToHalf, halfToFloat } from "./f16.js";

const block = 32;
const bytesPerBlock = 24;

export const q5_1: Codec = {
  decode(bytes, out) {
    for (let from = 0, at = 0; at < out.length; at += block, from += bytesPerBlock) {
      const d = halfToFloat(bytes[from]! | (bytes[from + 1]! << 8));
      const m = halfToFloat(bytes[from + 2]! | (bytes[from + 3]! << 8));
      for (let i = 0; i < block; i++) out[at + i] = fiveBits(bytes, from + 8, from + 4, i) * d + m;
    }
  },

  encode(values, out) {
    const codes = new Uint8Array(block);
    for (let at = 0, to = 0; at < values.length; at += block, to += bytesPerBlock) {
      const { d, m } = rangeCodes(values, at, 5, codes);
      [d, m].forEach((value, i) => {
        const half = floatToHalf(value);
        out[to + 2 * i] = half;
        out[to + 2 * i + 1] = half >> 8;
      });
      putFifthBits(codes, out, to + 4);
      putNibbles(codes, out, to + 8);
    }
  },
};

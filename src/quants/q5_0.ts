// Q5_0: 32 five-bit numbers with one scale; value = d * (q - 16).
//
//   byte  0 1     2          5     6        7              21
//        [d: F16][h7..h0] ...     [q16|q0 ][q17|q1 ] ... [q31|q15]     block of 32 values, 22 bytes (ggml block_q5_0)
//                 fifth bits       high|low nibble

import type { Codec } from "./codec.js";
import { centredCodes, fiveBits, putFifthBits, putNibbles } from "./codes.js";
import { floatToHalf, halfToFloat } from "./f16.js";

const block = 32;
const bytesPerBlock = 22;

export const q5_0: Codec = {
  decode(bytes, out) {
    for (let from = 0, at = 0; at < out.length; at += block, from += bytesPerBlock) {
      const d = halfToFloat(bytes[from]! | (bytes[from + 1]! << 8));
      for (let i = 0; i < block; i++) out[at + i] = (fiveBits(bytes, from + 6, from + 2, i) - 16) * d;
    }
  },

  encode(values, out) {
    const codes = new Uint8Array(block);
    for (let at = 0, to = 0; at < values.length; at += block, to += bytesPerBlock) {
      const half = floatToHalf(centredCodes(values, at, 5, codes).d);
      out[to] = half;
      out[to + 1] = half >> 8;
      putFifthBits(codes, out, to + 2);
      putNibbles(codes, out, to + 6);
    }
  },
};

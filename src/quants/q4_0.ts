// Q4_0: 32 four-bit numbers with one scale; value = d * (q - 8).
//
//   byte  0 1     2        3              17
//        [d: F16][q16|q0 ][q17|q1 ] ... [q31|q15]     block of 32 values, 18 bytes (ggml block_q4_0)
//                 high|low nibble

import type { Codec } from "./codec.js";
import { centredCodes, putNibbles } from "./codes.js";
import { floatToHalf, halfToFloat } from "./f16.js";

const block = 32;
const bytesPerBlock = 18;

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
    const codes = new Uint8Array(block);
    for (let at = 0, to = 0; at < values.length; at += block, to += bytesPerBlock) {
      const half = floatToHalf(centredCodes(values, at, 4, codes).d);
      out[to] = half;
      out[to + 1] = half >> 8;
      putNibbles(codes, out, to + 2);
    }
  },
};

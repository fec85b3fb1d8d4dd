// IQ4_NL: 32 four-bit numbers with one scale; value = d * levels[q], levels closer together around zero.
//
//   byte  0 1     2        3              17
//        [d: F16][q16|q0 ][q17|q1 ] ... [q31|q15]     block of 32 values, 18 bytes (ggml block_iq4_nl)
//                 high|low nibble
//
// Encoding searches for the smallest weighted squared error.

import type { Codec } from "./codec.js";
import { halfToFloat } from "./f16.js";
import { fitScales, iq4Levels, nearestHalf, putCodes, readBlock } from "./fit_levels.js";

const block = 32;
const bytesPerBlock = 18;

export const iq4_nl: Codec = {
  decode(bytes, out) {
    for (let from = 0, at = 0; at < out.length; at += block, from += bytesPerBlock) {
      const d = halfToFloat(bytes[from]! | (bytes[from + 1]! << 8));
      for (let i = 0; i < block / 2; i++) {
        const pair = bytes[from + 2 + i]!;
        out[at + i] = iq4Levels[pair & 15]! * d;
        out[at + 16 + i] = iq4Levels[pair >> 4]! * d;
      }
    }
  },

  encode(values, out, importance) {
    for (let at = 0, to = 0; at < values.length; at += block, to += bytesPerBlock) {
      const read = readBlock(values.subarray(at, at + block), importance?.subarray(at, at + block));
      const group = read.groups[0]!;
      const { half, d } = nearestHalf(fitScales(group).any, read);
      out[to] = half;
      out[to + 1] = half >> 8;
      putCodes(group, d, out, to + 2);
    }
  },
};

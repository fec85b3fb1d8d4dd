// IQ2_S: 256 values as 32 points of a grid of 1024, with a scale per 16; value = d * (s + 1/2) / 4 * sign * point.
//
//   byte  0 1     2        33   34            65      66                 73   74            81
//        [d: F16][g0] ... [g31][sign0] ... [sign31][h3|h2|h1|h0] ... 8 [s1|s0] ... [s15|s14]
//                                                                     block of 256 values, 82 bytes (ggml block_iq2_s)
//
// h|g: the point of eight neighbours, two bits and eight; sign: theirs, one bit each.

import type { Codec } from "./codec.js";
import { halfToFloat } from "./f16.js";
import { iq2SGrid, putPoint } from "./iq_grids.js";

const block = 256;
const bytesPerBlock = 82;

export const iq2_s: Codec = {
  decode(bytes, out) {
    for (let from = 0, at = 0; at < out.length; at += block, from += bytesPerBlock) {
      const d = halfToFloat(bytes[from]! | (bytes[from + 1]! << 8));
      for (let g = 0; g < 32; g++) {
        const high = (bytes[from + 66 + (g >> 2)]! >> (2 * (g & 3))) & 3;
        const scale = (bytes[from + 74 + (g >> 2)]! >> (2 * (g & 2))) & 15;
        const point = bytes[from + 2 + g]! | (high << 8);
        putPoint(out, at + 8 * g, iq2SGrid, point, d * (scale + 0.5) * 0.25, bytes[from + 34 + g]!);
      }
    }
  },
};

// IQ2_XS: 256 values as 32 points of a grid of 512, with a scale per 16; value = d * (s + 1/2) / 4 * sign * point.
//
//   byte  0 1     2      3            65      66            73
//        [d: F16][sign0 | g0] ... [sign31|g31][s1|s0] ... [s15|s14]     block of 256 values, 74 bytes
//                  7      9 bits                                        (ggml block_iq2_xs)
//
// g: the point of eight neighbours; sign: theirs, the eighth from the other seven.

import type { Codec } from "./codec.js";
import { halfToFloat } from "./f16.js";
import { evenSigns, iq2XsGrid, putPoint } from "./iq_grids.js";

const block = 256;
const bytesPerBlock = 74;

export const iq2_xs: Codec = {
  decode(bytes, out) {
    for (let from = 0, at = 0; at < out.length; at += block, from += bytesPerBlock) {
      const d = halfToFloat(bytes[from]! | (bytes[from + 1]! << 8));
      for (let g = 0; g < 32; g++) {
        const word = bytes[from + 2 + 2 * g]! | (bytes[from + 3 + 2 * g]! << 8);
        const scale = (bytes[from + 66 + (g >> 2)]! >> (2 * (g & 2))) & 15;
        putPoint(out, at + 8 * g, iq2XsGrid, word & 511, d * (scale + 0.5) * 0.25, evenSigns(word >> 9));
      }
    }
  },
};

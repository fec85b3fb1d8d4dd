// Q2_0: 64 two-bit numbers with one scale; value = d * (q - 1).
//
//   byte  0 1     2                 17
//        [d: F16][q3 q2 q1 q0] ... [q63 q62 q61 q60]     block of 64 values, 18 bytes (ggml block_q2_0)
//                 high ... low bits
//
// q = 3, twice the scale, is a value that ggml's encoder never writes: it takes the largest magnitude for the scale.

import type { Codec } from "./codec.js";
import { floatToHalf, halfToFloat } from "./f16.js";
import { largestMagnitude } from "./magnitude.js";
import { inverseOf, nearestTrit } from "./ternary.js";

const block = 64;
const bytesPerBlock = 18;

export const q2_0: Codec = {
  decode(bytes, out) {
    for (let from = 0, at = 0; at < out.length; at += block, from += bytesPerBlock) {
      const d = halfToFloat(bytes[from]! | (bytes[from + 1]! << 8));
      for (let i = 0; i < block; i++) out[at + i] = (((bytes[from + 2 + (i >> 2)]! >> (2 * (i & 3))) & 3) - 1) * d;
    }
  },

  encode(values, out) {
    for (let at = 0, to = 0; at < values.length; at += block, to += bytesPerBlock) {
      const d = largestMagnitude(values, at, block);
      const inverse = inverseOf(d);
      const half = floatToHalf(d);
      out[to] = half;
      out[to + 1] = half >> 8;
      out.fill(0, to + 2, to + bytesPerBlock);
      for (let i = 0; i < block; i++) {
        out[to + 2 + (i >> 2)]! |= (nearestTrit(values[at + i]!, inverse) + 1) << (2 * (i & 3));
      }
    }
  },
};

// TQ2_0: 256 ternary numbers, four in a byte, with one scale; value = d * (q - 1).
//
//   byte  0                         31                  32                                   64 65
//        [q96  q64  q32  q0 ] ... [q127 q95  q63  q31 ][q224 q192 q160 q128] ... 32 of them [d: F16]
//         high bits ... low bits                           block of 256 values, 66 bytes (ggml block_tq2_0)
//
// q = 3, twice the scale, is a value that no encoder writes.

import type { Codec } from "./codec.js";
import { floatToHalf, halfToFloat } from "./f16.js";
import { largestMagnitude } from "./magnitude.js";
import { inverseOf, nearestTrit } from "./ternary.js";

const block = 256;
const bytesPerBlock = 66;

export const tq2_0: Codec = {
  decode(bytes, out) {
    for (let from = 0, at = 0; at < out.length; at += block, from += bytesPerBlock) {
      const d = halfToFloat(bytes[from + 64]! | (bytes[from + 65]! << 8));
      for (let i = 0; i < block; i++) out[at + i] = (((bytes[from + byteOf(i)]! >> shiftOf(i)) & 3) - 1) * d;
    }
  },

  encode(values, out) {
    for (let at = 0, to = 0; at < values.length; at += block, to += bytesPerBlock) {
      const d = largestMagnitude(values, at, block);
      const inverse = inverseOf(d);
      out.fill(0, to, to + 64);
      for (let i = 0; i < block; i++) {
        out[to + byteOf(i)]! |= (nearestTrit(values[at + i]!, inverse) + 1) << shiftOf(i);
      }
      const half = floatToHalf(d);
      out[to + 64] = half;
      out[to + 65] = half >> 8;
    }
  },
};

const byteOf = (i: number) => 32 * (i >> 7) + (i & 31);
const shiftOf = (i: number) => 2 * ((i >> 5) & 3);

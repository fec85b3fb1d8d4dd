// TQ1_0: 256 ternary numbers, five in a byte, with one scale; value = d * q, q of -1, 0, 1.
//
//   byte  0                               32                         48                     52 53
//        [q128 q96 q64 q32 q0] ... 32 of [q224 ... q176 q160] ... 16 of [q252 q248 q244 q240] ... 4 of [d: F16]
//         last ... first digit                                     block of 256 values, 54 bytes (ggml block_tq1_0)
//
// A byte is the fraction 0.abcde in base 3 (digits q + 1, rounded up to a 256th), so that multiplying it by 3 moves its
// next digit into the carry.

import type { Codec } from "./codec.js";
import { floatToHalf, halfToFloat } from "./f16.js";
import { largestMagnitude } from "./magnitude.js";
import { inverseOf, nearestTrit } from "./ternary.js";

const block = 256;
const bytesPerBlock = 54;

/** Where bytes start, how many they are, the first value they hold, and how many each holds: 32, 16 or 4 apart. */
const parts = [
  { start: 0, count: 32, first: 0, digits: 5 },
  { start: 32, count: 16, first: 160, digits: 5 },
  { start: 48, count: 4, first: 240, digits: 4 },
] as const;

export const tq1_0: Codec = {
  decode(bytes, out) {
    for (let from = 0, at = 0; at < out.length; at += block, from += bytesPerBlock) {
      const d = halfToFloat(bytes[from + 52]! | (bytes[from + 53]! << 8));
      for (const { start, count, first, digits } of parts) {
        for (let i = 0; i < count; i++) {
          let fraction = bytes[from + start + i]!;
          for (let digit = 0; digit < digits; digit++, fraction = (fraction * 3) & 255) {
            out[at + first + count * digit + i] = (((fraction * 3) >> 8) - 1) * d;
          }
        }
      }
    }
  },

  encode(values, out) {
    for (let at = 0, to = 0; at < values.length; at += block, to += bytesPerBlock) {
      const d = largestMagnitude(values, at, block);
      const inverse = inverseOf(d);
      for (const { start, count, first, digits } of parts) {
        for (let i = 0; i < count; i++) {
          let number = 0;
          for (let digit = 0; digit < 5; digit++) {
            number *= 3;
            if (digit < digits) number += nearestTrit(values[at + first + count * digit + i]!, inverse) + 1;
          }
          out[to + start + i] = Math.ceil((number * 256) / 243);
        }
      }
      const half = floatToHalf(d);
      out[to + 52] = half;
      out[to + 53] = half >> 8;
    }
  },
};

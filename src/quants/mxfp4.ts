// MXFP4: 32 four-bit floats (E2M1) with one power of two (E8M0); value = 2^(e - 127) * float = d * doubled.
//
//   byte  0    1        2              16
//        [ e ][q16|q0 ][q17|q1 ] ... [q31|q15]     block of 32 values, 17 bytes (ggml block_mxfp4)
//              high|low nibble
//
// OCP Microscaling Formats (MX) v1.0. d = 2^(e - 128), because the table holds the floats doubled; e = 255, a NaN in
// the specification, is 2^127 here as in ggml.

import type { Codec } from "./codec.js";
import { largestMagnitude } from "./magnitude.js";

const block = 32;
const bytesPerBlock = 17;
const { fround } = Math;

/** The values of E2M1 (sign, two bits of exponent, one of mantissa), doubled: whole numbers. No code is -0. */
export const doubledE2m1: Int8Array = Int8Array.of(0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12);

export const mxfp4: Codec = {
  decode(bytes, out) {
    for (let from = 0, at = 0; at < out.length; at += block, from += bytesPerBlock) {
      const d = 2 ** (bytes[from]! - 128);
      for (let i = 0; i < block / 2; i++) {
        const pair = bytes[from + 1 + i]!;
        out[at + i] = doubledE2m1[pair & 15]! * d;
        out[at + 16 + i] = doubledE2m1[pair >> 4]! * d;
      }
    }
  },

  encode(values, out) {
    for (let at = 0, to = 0; at < values.length; at += block, to += bytesPerBlock) {
      const largest = largestMagnitude(values, at, block);
      // 4 is the largest power of two that E2M1 has. Rounding the logarithm to a float is what the reference does.
      const e = largest > 0 ? Math.max(0, Math.floor(fround(Math.log2(largest))) - 2 + 127) : 0;
      const d = 2 ** (e - 128);
      out[to] = e;
      for (let i = 0; i < block / 2; i++) {
        out[to + 1 + i] = nearestE2m1(values[at + i]!, d) | (nearestE2m1(values[at + 16 + i]!, d) << 4);
      }
    }
  },
};

/** The first code whose value under d is nearest. */
export function nearestE2m1(value: number, d: number): number {
  let best = 0;
  let bestError = Number.POSITIVE_INFINITY;
  for (let code = 0; code < 16; code++) {
    const error = Math.abs(fround(fround(doubledE2m1[code]! * d) - value));
    if (error < bestError) {
      best = code;
      bestError = error;
    }
  }
  return best;
}

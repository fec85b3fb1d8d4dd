// Q5_K: Q4_K with a fifth bit for each number; value = d * s * q - dmin * m.
//
//   byte  0 1     2 3        4         15   16             47     48              79     ...  175
//        [d: F16][dmin: F16][s and m, six ][h224 ... h32|h0] ... [q32|q0 ] ... [q63|q31] ...        block of 256 values,
//                           bits: k_codes.ts fifth bits           high|low nibble                   176 bytes
//                                                                                                   (ggml block_q5_K)

import type { Codec } from "./codec.js";
import { halfToFloat } from "./f16.js";
import { fitRanges } from "./fit_ranges.js";
import { fourBits, oneBit, putCodes, putSixBits, sixBits } from "./k_codes.js";

const block = 256;
const bytesPerBlock = 176;

export const q5_k: Codec = {
  decode(bytes, out) {
    for (let from = 0, at = 0; at < out.length; at += block, from += bytesPerBlock) {
      const d = halfToFloat(bytes[from]! | (bytes[from + 1]! << 8));
      const dmin = halfToFloat(bytes[from + 2]! | (bytes[from + 3]! << 8));
      const { scales, leasts } = sixBits(bytes, from + 4);
      for (let i = 0; i < block; i++) {
        const q = fourBits(bytes, from + 48, i) | (oneBit(bytes, from + 16, i) << 4);
        out[at + i] = d * scales[i >> 5]! * q - dmin * leasts[i >> 5]!;
      }
    }
  },

  /** Searches for the smallest squared error. */
  encode(values, out, importance) {
    for (let at = 0, to = 0; at < values.length; at += block, to += bytesPerBlock) {
      const fit = fitRanges(values.subarray(at, at + block), importance?.subarray(at, at + block), {
        group: 32,
        highest: 31,
        highestScale: 63,
      });
      out.fill(0, to, to + bytesPerBlock);
      out.set([fit.d & 255, fit.d >> 8, fit.dmin & 255, fit.dmin >> 8], to);
      putSixBits(fit.scales, fit.leasts, out, to + 4);
      putCodes(fit.codes, 4, 1, out, to + 16);
      putCodes(fit.codes, 0, 4, out, to + 48);
    }
  },
};

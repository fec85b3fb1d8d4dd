// Q4_K: 256 four-bit numbers, 8 groups with a scale and a least value each; value = d * s * q - dmin * m.
//
//   byte  0 1     2 3        4         15   16              47     48          79     ...  143
//        [d: F16][dmin: F16][s and m, six ][q32|q0 ] ... [q63|q31][q96|q64] ...       ...        block of 256 values,
//                           bits: k_codes.ts high|low nibble                                     144 bytes
//                                                                                                (ggml block_q4_K)

import type { Codec } from "./codec.js";
import { halfToFloat } from "./f16.js";
import { fitRanges } from "./fit_ranges.js";
import { fourBits, putCodes, putSixBits, sixBits } from "./k_codes.js";

const block = 256;
const bytesPerBlock = 144;

export const q4_k: Codec = {
  decode(bytes, out) {
    for (let from = 0, at = 0; at < out.length; at += block, from += bytesPerBlock) {
      const d = halfToFloat(bytes[from]! | (bytes[from + 1]! << 8));
      const dmin = halfToFloat(bytes[from + 2]! | (bytes[from + 3]! << 8));
      const { scales, leasts } = sixBits(bytes, from + 4);
      for (let i = 0; i < block; i++) {
        out[at + i] = d * scales[i >> 5]! * fourBits(bytes, from + 16, i) - dmin * leasts[i >> 5]!;
      }
    }
  },

  /** Searches for the smallest squared error. */
  encode(values, out, importance) {
    for (let at = 0, to = 0; at < values.length; at += block, to += bytesPerBlock) {
      const fit = fitRanges(values.subarray(at, at + block), importance?.subarray(at, at + block), {
        group: 32,
        highest: 15,
        highestScale: 63,
      });
      out.fill(0, to, to + bytesPerBlock);
      out.set([fit.d & 255, fit.d >> 8, fit.dmin & 255, fit.dmin >> 8], to);
      putSixBits(fit.scales, fit.leasts, out, to + 4);
      putCodes(fit.codes, 0, 4, out, to + 16);
    }
  },
};

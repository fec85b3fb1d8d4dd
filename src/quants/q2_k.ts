// Q2_K: 256 two-bit numbers, 16 groups with a scale and a least value each; value = d * s * q - dmin * m.
//
//   byte  0      15     16                  79     80 81   82 83
//        [m0|s0 ] ...  [q96|q64|q32|q0 ] ...      [d: F16][dmin: F16]     block of 256 values, 84 bytes
//         4    4 bits   2 bits each, twice 32 bytes                       (ggml block_q2_K)

import type { Codec } from "./codec.js";
import { halfToFloat } from "./f16.js";
import { fitRanges } from "./fit_ranges.js";
import { putCodes, twoBits } from "./k_codes.js";

const block = 256;
const bytesPerBlock = 84;

export const q2_k: Codec = {
  decode(bytes, out) {
    for (let from = 0, at = 0; at < out.length; at += block, from += bytesPerBlock) {
      const d = halfToFloat(bytes[from + 80]! | (bytes[from + 81]! << 8));
      const dmin = halfToFloat(bytes[from + 82]! | (bytes[from + 83]! << 8));
      for (let i = 0; i < block; i++) {
        const group = bytes[from + (i >> 4)]!;
        out[at + i] = d * (group & 15) * twoBits(bytes, from + 16, i) - dmin * (group >> 4);
      }
    }
  },

  /** Searches for the smallest squared error. */
  encode(values, out, importance) {
    for (let at = 0, to = 0; at < values.length; at += block, to += bytesPerBlock) {
      const { d, dmin, scales, leasts, codes } = fitRanges(
        values.subarray(at, at + block),
        importance?.subarray(at, at + block),
        { group: 16, highest: 3, highestScale: 15 },
      );
      out.fill(0, to, to + bytesPerBlock);
      for (let j = 0; j < 16; j++) out[to + j] = scales[j]! | (leasts[j]! << 4);
      putCodes(codes, 0, 2, out, to + 16);
      out.set([d & 255, d >> 8, dmin & 255, dmin >> 8], to + 80);
    }
  },
};

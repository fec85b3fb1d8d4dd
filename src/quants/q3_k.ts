// Q3_K: 256 three-bit numbers, 16 groups with a scale each; value = d * (s - 32) * (q - 4).
//
//   byte  0              31     32                 95     96         103    104              107    108 109
//        [h224 ... h32|h0] ... [q96|q64|q32|q0 ] ...     [s8|s0 ] ... [s15|s7][s12|s8|s4|s0] ...    [d: F16]
//         third bits, 1 each    2 low bits each,          low four bits        high two bits        block of 256 values,
//                               twice 32 bytes                                                      110 bytes
//                                                                                                   (ggml block_q3_K)

import type { Codec } from "./codec.js";
import { halfToFloat } from "./f16.js";
import { fitCentred } from "./fit_centred.js";
import { oneBit, putCodes, twoBits } from "./k_codes.js";

const block = 256;
const bytesPerBlock = 110;

export const q3_k: Codec = {
  decode(bytes, out) {
    for (let from = 0, at = 0; at < out.length; at += block, from += bytesPerBlock) {
      const d = halfToFloat(bytes[from + 108]! | (bytes[from + 109]! << 8));
      for (let i = 0; i < block; i++) {
        const q = twoBits(bytes, from + 32, i) | (oneBit(bytes, from, i) << 2);
        out[at + i] = d * (scaleOf(bytes, from + 96, i >> 4) - 32) * (q - 4);
      }
    }
  },

  /** Searches for the smallest squared error. */
  encode(values, out, importance) {
    for (let at = 0, to = 0; at < values.length; at += block, to += bytesPerBlock) {
      const { d, scales, codes } = fitCentred(values.subarray(at, at + block), importance?.subarray(at, at + block), {
        middle: 4,
        middleScale: 32,
      });
      out.fill(0, to, to + bytesPerBlock);
      putCodes(codes, 2, 1, out, to);
      putCodes(codes, 0, 2, out, to + 32);
      scales.forEach((scale, j) => {
        out[to + 96 + (j & 7)]! |= ((scale + 32) & 15) << (j < 8 ? 0 : 4);
        out[to + 104 + (j & 3)]! |= ((scale + 32) >> 4) << (2 * (j >> 2));
      });
      out.set([d & 255, d >> 8], to + 108);
    }
  },
};

/** Scale j of 16, six bits. */
function scaleOf(bytes: Uint8Array, at: number, j: number): number {
  const low = (bytes[at + (j & 7)]! >> (j < 8 ? 0 : 4)) & 15;
  return low | (((bytes[at + 8 + (j & 3)]! >> (2 * (j >> 2))) & 3) << 4);
}

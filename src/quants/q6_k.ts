// Q6_K: 256 six-bit numbers, 16 groups with a signed scale each; value = d * s * (q - 32).
//
//   byte  0               63     ...  127   128                159    ...  191   192   207   208 209
//        [q64|q0 ] ... [q127|q63][q192|q128][h96|h64|h32|h0] ...    [h128 ...]  [s0 ... s15][d: F16]
//         low four bits                      high two bits                       bytes       block of 256 values,
//                                                                                            210 bytes (ggml block_q6_K)

import type { Codec } from "./codec.js";
import { halfToFloat } from "./f16.js";
import { fitCentred } from "./fit_centred.js";
import { putCodes, twoBits } from "./k_codes.js";

const block = 256;
const bytesPerBlock = 210;

export const q6_k: Codec = {
  decode(bytes, out) {
    for (let from = 0, at = 0; at < out.length; at += block, from += bytesPerBlock) {
      const d = halfToFloat(bytes[from + 208]! | (bytes[from + 209]! << 8));
      for (let i = 0; i < block; i++) {
        const q = lowBits(bytes, from, i) | (twoBits(bytes, from + 128, i) << 4);
        const scale = (bytes[from + 192 + (i >> 4)]! << 24) >> 24;
        out[at + i] = d * scale * (q - 32);
      }
    }
  },

  /** Searches for the smallest squared error. */
  encode(values, out, importance) {
    for (let at = 0, to = 0; at < values.length; at += block, to += bytesPerBlock) {
      const { d, scales, codes } = fitCentred(values.subarray(at, at + block), importance?.subarray(at, at + block), {
        middle: 32,
        middleScale: 128,
      });
      out.fill(0, to, to + bytesPerBlock);
      codes.forEach((code, i) => {
        out[to + lowByte(i)]! |= (code & 15) << (i & 64 ? 4 : 0);
      });
      putCodes(codes, 4, 2, out, to + 128);
      scales.forEach((scale, j) => {
        out[to + 192 + j] = scale;
      });
      out.set([d & 255, d >> 8], to + 208);
    }
  },
};

/** Of each 128 numbers, numbers i and 64 + i share a byte. */
function lowByte(i: number): number {
  return ((i >> 7) << 6) | (i & 63);
}

function lowBits(bytes: Uint8Array, at: number, i: number): number {
  return (bytes[at + lowByte(i)]! >> (i & 64 ? 4 : 0)) & 15;
}

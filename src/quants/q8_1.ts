// Q8_1: Q8_0 with the sum of its values, which dot products with Q4_1 and Q5_1 use; value = d * q. No file holds it on
// purpose: ggml makes it of activations.
//
//   byte  0 1     2 3     4 5 ... 35
//        [d: F16][s: F16][q0 q1 ... q31]      block of 32 values, 36 bytes (ggml block_q8_1)

import type { Codec } from "./codec.js";
import { halfToFloat } from "./f16.js";

const block = 32;
const bytesPerBlock = 36;

export const q8_1: Codec = {
  decode(bytes, out) {
    for (let from = 0, at = 0; at < out.length; at += block, from += bytesPerBlock) {
      const d = halfToFloat(bytes[from]! | (bytes[from + 1]! << 8));
      for (let i = 0; i < block; i++) out[at + i] = ((bytes[from + 4 + i]! << 24) >> 24) * d;
    }
  },
};

// Q1_0: 128 signs with one scale; value = d where the bit is set, else -d.
//
//   byte  0 1     2            17
//        [d: F16][q7-q0] ... [q127-q120]     block of 128 values, 18 bytes (ggml block_q1_0)
//                 high-low bit

import type { Codec } from "./codec.js";
import { floatToHalf, halfToFloat } from "./f16.js";

const block = 128;
const bytesPerBlock = 18;
const { fround } = Math;

export const q1_0: Codec = {
  decode(bytes, out) {
    for (let from = 0, at = 0; at < out.length; at += block, from += bytesPerBlock) {
      const d = halfToFloat(bytes[from]! | (bytes[from + 1]! << 8));
      for (let i = 0; i < block; i++) out[at + i] = (bytes[from + 2 + (i >> 3)]! >> (i & 7)) & 1 ? d : -d;
    }
  },

  encode(values, out) {
    for (let at = 0, to = 0; at < values.length; at += block, to += bytesPerBlock) {
      // The mean magnitude is the scale with the least squared error; summed in order, in floats.
      let sum = 0;
      for (let i = 0; i < block; i++) sum = fround(sum + Math.abs(values[at + i]!));
      const half = floatToHalf(fround(sum / block));
      out[to] = half;
      out[to + 1] = half >> 8;
      out.fill(0, to + 2, to + bytesPerBlock);
      for (let i = 0; i < block; i++) if (values[at + i]! >= 0) out[to + 2 + (i >> 3)]! |= 1 << (i & 7);
    }
  },
};

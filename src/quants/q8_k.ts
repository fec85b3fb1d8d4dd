// Q8_K: 256 signed bytes with one F32 scale and the sums of each 16, which dot products with other K-quants use;
// value = d * q. No file holds it on purpose: ggml makes it of activations.
//
//   byte  0    3   4 5 ...  259  260 261        291
//        [d: F32 ][q0 q1 ... q255][s0: I16 ... s15]      block of 256 values, 292 bytes (ggml block_q8_K)

import type { Codec } from "./codec.js";

const block = 256;
const bytesPerBlock = 292;

export const q8_k: Codec = {
  decode(bytes, out) {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    for (let from = 0, at = 0; at < out.length; at += block, from += bytesPerBlock) {
      const d = view.getFloat32(from, true);
      for (let i = 0; i < block; i++) out[at + i] = view.getInt8(from + 4 + i) * d;
    }
  },
};

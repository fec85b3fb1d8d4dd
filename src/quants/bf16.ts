// BF16: the upper half of a binary32, little-endian.
//
//   byte  0        1
//        [emmmmmmm][seeeeeee]     block of 1 value, 2 bytes

import type { Codec } from "./codec.js";

const float = new Float32Array(1);
const bits = new Uint32Array(float.buffer);

export const bf16: Codec = {
  decode(bytes, out) {
    const words = new Uint32Array(out.buffer, out.byteOffset, out.length);
    for (let i = 0; i < out.length; i++) words[i] = (bytes[2 * i]! << 16) | (bytes[2 * i + 1]! << 24);
  },

  encode(values, out) {
    for (let i = 0; i < values.length; i++) {
      float[0] = values[i]!;
      const word = bits[0]!;
      const nan = (word & 0x7fffffff) > 0x7f800000;
      // Ties to even; a NaN is made quiet so that rounding cannot turn it into infinity.
      const upper = nan ? (word >>> 16) | 64 : (word + 0x7fff + ((word >>> 16) & 1)) >>> 16;
      out[2 * i] = upper;
      out[2 * i + 1] = upper >>> 8;
    }
  },
};

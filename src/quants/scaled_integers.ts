// U4_SCALED and U8_SCALED: 32 integers with a scale and a zero point; value = d * (q - z). Made at load, in no file.
//
//   byte  0  1  2  3     4        5              19
//        [z][   d   ]   [q16|q0 ][q17|q1 ] ... [q31|q15]     U4_SCALED: block of 32 values, 20 bytes
//        [z][   d   ]   [q0][q1]           ... [q31]         U8_SCALED: block of 32 values, 36 bytes
//
// d is the upper three bytes of an F32: every F16 and every BF16 is one. So d * (q - z) is exact in F32, and what GPTQ,
// AWQ and compressed-tensors mean by their scales and zero points loses nothing.

import type { Codec } from "./codec.js";

const block = 32;

const scaled = (bits: 4 | 8): Codec => ({
  decode(bytes, out) {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const scale = new DataView(new ArrayBuffer(4));
    for (let from = 0, at = 0; at < out.length; at += block, from += 4 + 4 * bits) {
      const word = view.getUint32(from, true);
      const z = word & 255;
      scale.setUint32(0, word - z);
      const d = scale.getFloat32(0);
      for (let i = 0; i < block; i++) {
        const byte = bytes[from + 4 + (bits === 8 ? i : i % 16)]!;
        const q = bits === 8 ? byte : i < 16 ? byte & 15 : byte >> 4;
        out[at + i] = d * (q - z);
      }
    }
  },
});

export const u4_scaled = scaled(4);
export const u8_scaled = scaled(8);

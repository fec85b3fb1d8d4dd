// IQ1_M: 256 values as 32 points of a grid of 2048, with a scale per 16; value = d * (2 * s + 1) * (point +- 1/8).
//
//   byte  0        31   32                      47                       48                 55
//        [g0] ... [g31][-1|h1|-0|h0] ... [-31|h31|-30|h30][d0-3|s3|s2|s1|s0] ... [d12-15|s15|s14|s13|s12]
//                        1  3  1  3 bits                    4    3  3  3  3 bits
//                                                         block of 256 values, 56 bytes (ggml block_iq1_m)
//
// h|g: the point of eight neighbours, three bits and eight; -: whether the 1/8 is subtracted; d: one F16 in pieces.

import type { Codec } from "./codec.js";
import { halfToFloat } from "./f16.js";
import { iq1Grid } from "./iq_grids.js";

const block = 256;
const bytesPerBlock = 56;

export const iq1_m: Codec = {
  decode(bytes, out) {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    for (let from = 0, at = 0; at < out.length; at += block, from += bytesPerBlock) {
      let half = 0;
      for (let i = 0; i < 4; i++) half |= (bytes[from + 49 + 2 * i]! >> 4) << (4 * i);
      const d = halfToFloat(half);
      for (let g = 0; g < 32; g++) {
        const scales = view.getUint16(from + 48 + 2 * (g >> 3), true);
        const scale = d * (2 * ((scales >> (3 * ((g >> 1) & 3))) & 7) + 1);
        const nibble = bytes[from + 32 + (g >> 1)]! >> (4 * (g & 1));
        const point = bytes[from + g]! | ((nibble & 7) << 8);
        const shift = nibble & 8 ? -0.125 : 0.125;
        for (let i = 0; i < 8; i++) out[at + 8 * g + i] = scale * (iq1Grid.points()[8 * point + i]! + shift);
      }
    }
  },
};

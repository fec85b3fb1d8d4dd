// IQ1_M: 256 values as 32 points of a grid of 2048, with a scale per 16; value = d * (2 * s + 1) * (point +- 1/8).
//
//   byte  0        31   32                      47                       48                 55
//        [g0] ... [g31][-1|h1|-0|h0] ... [-31|h31|-30|h30][d0-3|s3|s2|s1|s0] ... [d12-15|s15|s14|s13|s12]
//                        1  3  1  3 bits                    4    3  3  3  3 bits
//                                                         block of 256 values, 56 bytes (ggml block_iq1_m)
//
// h|g: the point of eight neighbours, three bits and eight; -: whether the 1/8 is subtracted; d: one F16 in pieces.
// Encoding searches for the smallest weighted squared error.

import type { Codec } from "./codec.js";
import { halfToFloat } from "./f16.js";
import { pointEncoder } from "./fit_points.js";
import { iq1Grid } from "./iq_grids.js";
import type { PointType } from "./point_block.js";

const block = 256;
const bytesPerBlock = 56;
const type: PointType = {
  grid: iq1Grid,
  group: 16,
  highest: 7,
  unit: 1,
  shift: { by: 1 / 8, together: 1 },
  usual: 0.75,
  tried: 1,
};

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

  encode: pointEncoder(type, bytesPerBlock, (fit, out) => {
    fit.points.forEach(({ point, shift }, n) => {
      out[n] = point;
      out[32 + (n >> 1)]! |= ((point >> 8) | (shift < 0 ? 8 : 0)) << (4 * (n & 1));
    });
    for (let i = 0; i < 4; i++) {
      const steps = fit.steps.slice(4 * i, 4 * i + 4);
      const word = steps.reduce((bits, step, g) => bits | (step << (3 * g)), ((fit.d >> (4 * i)) & 15) << 12);
      out[48 + 2 * i] = word;
      out[49 + 2 * i] = word >> 8;
    }
  }),
};

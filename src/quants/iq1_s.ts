// IQ1_S: 256 values as 32 points of a grid of 2048, with a scale per 32; value = d * (2 * s + 1) * (point +- 1/8).
//
//   byte  0 1     2        33   34              35
//        [d: F16][g0] ... [g31][-|s|h3|h2|h1|h0] ... 8 times     block of 256 values, 50 bytes
//                               1 3  3  3  3  3 bits             (ggml block_iq1_s)
//
// h|g: the point of eight neighbours, three bits and eight; -: whether the 1/8 is subtracted.
// Encoding searches for the smallest weighted squared error.

import type { Codec } from "./codec.js";
import { halfToFloat } from "./f16.js";
import { pointEncoder } from "./fit_points.js";
import { iq1Grid } from "./iq_grids.js";
import type { PointType } from "./point_block.js";

const block = 256;
const bytesPerBlock = 50;
const type: PointType = {
  grid: iq1Grid,
  group: 32,
  highest: 7,
  unit: 1,
  shift: { by: 1 / 8, together: 4 },
  usual: 0.75,
  tried: 1,
};

export const iq1_s: Codec = {
  decode(bytes, out) {
    for (let from = 0, at = 0; at < out.length; at += block, from += bytesPerBlock) {
      const d = halfToFloat(bytes[from]! | (bytes[from + 1]! << 8));
      for (let g = 0; g < 32; g++) {
        const high = from + 34 + 2 * (g >> 2);
        const word = bytes[high]! | (bytes[high + 1]! << 8);
        const point = bytes[from + 2 + g]! | (((word >> (3 * (g & 3))) & 7) << 8);
        const scale = d * (2 * ((word >> 12) & 7) + 1);
        const shift = word & 0x8000 ? -0.125 : 0.125;
        for (let i = 0; i < 8; i++) out[at + 8 * g + i] = scale * (iq1Grid.points()[8 * point + i]! + shift);
      }
    }
  },

  encode: pointEncoder(type, bytesPerBlock, (fit, out) => {
    out[0] = fit.d;
    out[1] = fit.d >> 8;
    fit.points.forEach(({ point }, n) => {
      out[2 + n] = point;
    });
    fit.steps.forEach((step, g) => {
      const points = fit.points.slice(4 * g, 4 * g + 4);
      const high = points.reduce((bits, { point }, i) => bits | ((point >> 8) << (3 * i)), 0);
      const word = high | (step << 12) | (points[0]!.shift < 0 ? 0x8000 : 0);
      out[34 + 2 * g] = word;
      out[35 + 2 * g] = word >> 8;
    });
  }),
};

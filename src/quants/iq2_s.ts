// IQ2_S: 256 values as 32 points of a grid of 1024, with a scale per 16; value = d * (s + 1/2) / 4 * sign * point.
//
//   byte  0 1     2        33   34            65      66                 73   74            81
//        [d: F16][g0] ... [g31][sign0] ... [sign31][h3|h2|h1|h0] ... 8 [s1|s0] ... [s15|s14]
//                                                                     block of 256 values, 82 bytes (ggml block_iq2_s)
//
// h|g: the point of eight neighbours, two bits and eight; sign: theirs, one bit each.
// Encoding searches for the smallest weighted squared error.

import type { Codec } from "./codec.js";
import { halfToFloat } from "./f16.js";
import { pointEncoder } from "./fit_points.js";
import { iq2SGrid, putPoint } from "./iq_grids.js";
import type { PointType } from "./point_block.js";

const block = 256;
const bytesPerBlock = 82;
const type: PointType = { grid: iq2SGrid, group: 16, highest: 15, unit: 1 / 8, signs: "free", usual: 22, tried: 4 };

export const iq2_s: Codec = {
  decode(bytes, out) {
    for (let from = 0, at = 0; at < out.length; at += block, from += bytesPerBlock) {
      const d = halfToFloat(bytes[from]! | (bytes[from + 1]! << 8));
      for (let g = 0; g < 32; g++) {
        const high = (bytes[from + 66 + (g >> 2)]! >> (2 * (g & 3))) & 3;
        const scale = (bytes[from + 74 + (g >> 2)]! >> (2 * (g & 2))) & 15;
        const point = bytes[from + 2 + g]! | (high << 8);
        putPoint(out, at + 8 * g, iq2SGrid, point, d * (scale + 0.5) * 0.25, bytes[from + 34 + g]!);
      }
    }
  },

  encode: pointEncoder(type, bytesPerBlock, (fit, out) => {
    out[0] = fit.d;
    out[1] = fit.d >> 8;
    out.set(fit.signs, 34);
    fit.points.forEach(({ point }, n) => {
      out[2 + n] = point;
      out[66 + (n >> 2)]! |= (point >> 8) << (2 * (n & 3));
    });
    fit.steps.forEach((step, g) => {
      out[74 + (g >> 1)]! |= step << (4 * (g & 1));
    });
  }),
};

// IQ3_S: 256 values as 64 points of a grid of 512, with a scale per 32; value = d * (2 * s + 1) * sign * point.
//
//   byte  0 1     2        65   66                73   74            105      106         109
//        [d: F16][g0] ... [g63][h7 h6 ... h0] ... 8 [sign0] ... [sign31][s1|s0] ... [s7|s6]
//                               one bit each             block of 256 values, 110 bytes (ggml block_iq3_s)
//
// h|g: the point of four neighbours, one bit and eight; sign: those of eight, one bit each.
// Encoding searches for the smallest weighted squared error.

import type { Codec } from "./codec.js";
import { halfToFloat } from "./f16.js";
import { pointEncoder } from "./fit_points.js";
import { iq3SGrid, putPoint } from "./iq_grids.js";
import type { PointType } from "./point_block.js";

const block = 256;
const bytesPerBlock = 110;
const type: PointType = { grid: iq3SGrid, group: 32, highest: 15, unit: 1, signs: "free", usual: 5.5, tried: 5 };

export const iq3_s: Codec = {
  decode(bytes, out) {
    for (let from = 0, at = 0; at < out.length; at += block, from += bytesPerBlock) {
      const d = halfToFloat(bytes[from]! | (bytes[from + 1]! << 8));
      for (let g = 0; g < 64; g++) {
        const high = (bytes[from + 66 + (g >> 3)]! >> (g & 7)) & 1;
        const scale = (bytes[from + 106 + (g >> 4)]! >> (4 * ((g >> 3) & 1))) & 15;
        const signs = bytes[from + 74 + (g >> 1)]! >> (4 * (g & 1));
        putPoint(out, at + 4 * g, iq3SGrid, bytes[from + 2 + g]! | (high << 8), d * (2 * scale + 1), signs);
      }
    }
  },

  encode: pointEncoder(type, bytesPerBlock, (fit, out) => {
    out[0] = fit.d;
    out[1] = fit.d >> 8;
    out.set(fit.signs, 74);
    fit.points.forEach(({ point }, n) => {
      out[2 + n] = point;
      out[66 + (n >> 3)]! |= (point >> 8) << (n & 7);
    });
    fit.steps.forEach((step, g) => {
      out[106 + (g >> 1)]! |= step << (4 * (g & 1));
    });
  }),
};

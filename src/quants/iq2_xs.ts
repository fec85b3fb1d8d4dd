// IQ2_XS: 256 values as 32 points of a grid of 512, with a scale per 16; value = d * (s + 1/2) / 4 * sign * point.
//
//   byte  0 1     2      3            65      66            73
//        [d: F16][sign0 | g0] ... [sign31|g31][s1|s0] ... [s15|s14]     block of 256 values, 74 bytes
//                  7      9 bits                                        (ggml block_iq2_xs)
//
// g: the point of eight neighbours; sign: theirs, the eighth from the other seven.
// Encoding searches for the smallest weighted squared error.

import type { Codec } from "./codec.js";
import { halfToFloat } from "./f16.js";
import { pointEncoder } from "./fit_points.js";
import { evenSigns, iq2XsGrid, putPoint } from "./iq_grids.js";
import type { PointType } from "./point_block.js";

const block = 256;
const bytesPerBlock = 74;
const type: PointType = { grid: iq2XsGrid, group: 16, highest: 15, unit: 1 / 8, signs: "even", usual: 22, tried: 4 };

export const iq2_xs: Codec = {
  decode(bytes, out) {
    for (let from = 0, at = 0; at < out.length; at += block, from += bytesPerBlock) {
      const d = halfToFloat(bytes[from]! | (bytes[from + 1]! << 8));
      for (let g = 0; g < 32; g++) {
        const word = bytes[from + 2 + 2 * g]! | (bytes[from + 3 + 2 * g]! << 8);
        const scale = (bytes[from + 66 + (g >> 2)]! >> (2 * (g & 2))) & 15;
        putPoint(out, at + 8 * g, iq2XsGrid, word & 511, d * (scale + 0.5) * 0.25, evenSigns(word >> 9));
      }
    }
  },

  encode: pointEncoder(type, bytesPerBlock, (fit, out) => {
    out[0] = fit.d;
    out[1] = fit.d >> 8;
    fit.points.forEach(({ point }, n) => {
      out[2 + 2 * n] = point;
      out[3 + 2 * n] = (point >> 8) | (fit.signs[n]! << 1);
    });
    fit.steps.forEach((step, g) => {
      out[66 + (g >> 1)]! |= step << (4 * (g & 1));
    });
  }),
};

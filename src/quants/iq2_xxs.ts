// IQ2_XXS: 256 values as 32 points of a grid of 256, with a scale per 32; value = d * (s + 1/2) / 4 * sign * point.
//
//   byte  0 1     2   3   4   5    6                   9
//        [d: F16][g0][g1][g2][g3][s|sign3|sign2|sign1|sign0] ... 8 times     block of 256 values, 66 bytes
//                                 4   7     7     7     7 bits               (ggml block_iq2_xxs)
//
// g: the point of eight neighbours; sign: theirs, the eighth from the other seven.
// Encoding searches for the smallest weighted squared error.

import type { Codec } from "./codec.js";
import { halfToFloat } from "./f16.js";
import { pointEncoder } from "./fit_points.js";
import { evenSigns, iq2XxsGrid, putPoint, signsAndStep } from "./iq_grids.js";
import type { PointType } from "./point_block.js";

const block = 256;
const bytesPerBlock = 66;
const type: PointType = { grid: iq2XxsGrid, group: 32, highest: 15, unit: 1 / 8, signs: "even", usual: 22, tried: 4 };

export const iq2_xxs: Codec = {
  decode(bytes, out) {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    for (let from = 0, at = 0; at < out.length; at += block, from += bytesPerBlock) {
      const d = halfToFloat(view.getUint16(from, true));
      for (let g = 0; g < 32; g++) {
        const group = from + 2 + 8 * (g >> 2);
        const word = view.getUint32(group + 4, true);
        const scale = d * ((word >>> 28) + 0.5) * 0.25;
        const signs = evenSigns((word >>> (7 * (g & 3))) & 127);
        putPoint(out, at + 8 * g, iq2XxsGrid, bytes[group + (g & 3)]!, scale, signs);
      }
    }
  },

  encode: pointEncoder(type, bytesPerBlock, (fit, out) => {
    out[0] = fit.d;
    out[1] = fit.d >> 8;
    fit.points.forEach(({ point }, n) => {
      out[2 + 8 * (n >> 2) + (n & 3)] = point;
    });
    fit.steps.forEach((step, g) => {
      new DataView(out.buffer, out.byteOffset).setUint32(6 + 8 * g, signsAndStep(fit.signs, g, step), true);
    });
  }),
};

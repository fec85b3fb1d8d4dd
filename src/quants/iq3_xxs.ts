// IQ3_XXS: 256 values as 64 points of a grid of 256, with a scale per 32; value = d * (s + 1/2) / 2 * sign * point.
//
//   byte  0 1     2        65   66                  69
//        [d: F16][g0] ... [g63][s|sign3|sign2|sign1|sign0] ... 8 times     block of 256 values, 98 bytes
//                               4   7     7     7     7 bits               (ggml block_iq3_xxs)
//
// g: the point of four neighbours; sign: those of eight, the eighth from the other seven.
// Encoding searches for the smallest weighted squared error.

import type { Codec } from "./codec.js";
import { halfToFloat } from "./f16.js";
import { pointEncoder } from "./fit_points.js";
import { evenSigns, iq3XxsGrid, putPoint, signsAndStep } from "./iq_grids.js";
import type { PointType } from "./point_block.js";

const block = 256;
const bytesPerBlock = 98;
const type: PointType = { grid: iq3XxsGrid, group: 32, highest: 15, unit: 1 / 4, signs: "even", usual: 21, tried: 5 };

export const iq3_xxs: Codec = {
  decode(bytes, out) {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    for (let from = 0, at = 0; at < out.length; at += block, from += bytesPerBlock) {
      const d = halfToFloat(view.getUint16(from, true));
      for (let g = 0; g < 64; g++) {
        const word = view.getUint32(from + 66 + 4 * (g >> 3), true);
        const signs = evenSigns((word >>> (7 * ((g >> 1) & 3))) & 127);
        const scale = d * ((word >>> 28) + 0.5) * 0.5;
        putPoint(out, at + 4 * g, iq3XxsGrid, bytes[from + 2 + g]!, scale, signs >> (4 * (g & 1)));
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
      new DataView(out.buffer, out.byteOffset).setUint32(66 + 4 * g, signsAndStep(fit.signs, g, step), true);
    });
  }),
};

// IQ4_XS: 256 four-bit numbers with a six-bit scale per 32; value = d * (s - 32) * levels[q], the levels of IQ4_NL.
//
//   byte  0 1     2            3    4                7       8          9               23               135
//        [d: F16][h7 h6 ... h1 h0][l1|l0] ... [l7|l6] [q16|q0 ][q17|q1 ] ... [q31|q15] ... [q255|q239]
//                 two bits each    high|low nibble
//                                                                     block of 256 values, 136 bytes (ggml block_iq4_xs)
//
// s = h|l.

import type { Codec } from "./codec.js";
import { floatToHalf, halfToFloat } from "./f16.js";
import { bestScale, iq4Levels, iq4Weights, putIq4 } from "./iq4_nl.js";

const block = 256;
const bytesPerBlock = 136;
const group = 32;

export const iq4_xs: Codec = {
  decode(bytes, out) {
    for (let from = 0, at = 0; at < out.length; at += block, from += bytesPerBlock) {
      const d = halfToFloat(bytes[from]! | (bytes[from + 1]! << 8));
      for (let g = 0; g < block / group; g++) {
        const low = (bytes[from + 4 + (g >> 1)]! >> (4 * (g & 1))) & 15;
        const high = (bytes[from + 2 + (g >> 2)]! >> (2 * (g & 3))) & 3;
        const scale = d * ((low | (high << 4)) - 32);
        for (let i = 0; i < group / 2; i++) {
          const pair = bytes[from + 8 + 16 * g + i]!;
          out[at + group * g + i] = iq4Levels[pair & 15]! * scale;
          out[at + group * g + 16 + i] = iq4Levels[pair >> 4]! * scale;
        }
      }
    }
  },

  encode(values, out, importance) {
    for (let at = 0, to = 0; at < values.length; at += block, to += bytesPerBlock) {
      const whole = values.subarray(at, at + block);
      const groups = Array.from({ length: block / group }, (_, g) => whole.subarray(group * g, group * (g + 1)));
      const scales = groups.map((values, g) => {
        const from = at + group * g;
        return bestScale(values, iq4Weights(values, whole, importance?.subarray(from, from + group)));
      });
      // The largest scale is met exactly: -32 * d whatever its sign.
      const largest = scales.reduce((most, scale) => (Math.abs(scale) > Math.abs(most) ? scale : most), 0);
      const half = floatToHalf(largest / -32);
      const d = halfToFloat(half);
      out.fill(0, to, to + 8);
      out[to] = half;
      out[to + 1] = half >> 8;
      for (const [g, values] of groups.entries()) {
        const steps = d ? Math.max(-32, Math.min(31, Math.round(scales[g]! / d))) : -32;
        out[to + 2 + (g >> 2)]! |= ((steps + 32) >> 4) << (2 * (g & 3));
        out[to + 4 + (g >> 1)]! |= ((steps + 32) & 15) << (4 * (g & 1));
        putIq4(values, d * steps, out, to + 8 + 16 * g);
      }
    }
  },
};

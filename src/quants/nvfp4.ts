// NVFP4: four groups of 16 four-bit floats (E2M1), each with an eight-bit float as its scale; value = d * doubled.
//
//   byte  0   3    4       5            11             35
//        [d0-d3]  [q8|q0 ][q9|q1 ] ... [q15|q7 ] ...        block of 64 values, 36 bytes (ggml block_nvfp4)
//                  high|low nibble, 8 bytes a group
//
// d is half of an E4M3 (a sign, which is ignored, four bits of exponent with bias 7, three of mantissa), because the
// table holds the floats doubled; 0x7f, a NaN, is 0 as in ggml.

import type { Codec } from "./codec.js";
import { largestMagnitude } from "./magnitude.js";
import { doubledE2m1, nearestE2m1 } from "./mxfp4.js";

const block = 64;
const bytesPerBlock = 36;
const group = 16;
const { fround } = Math;

export const nvfp4: Codec = {
  decode(bytes, out) {
    for (let from = 0, at = 0; at < out.length; at += block, from += bytesPerBlock) {
      for (let g = 0; g < block / group; g++) {
        const d = halfE4m3(bytes[from + g]!);
        for (let i = 0; i < group / 2; i++) {
          const pair = bytes[from + 4 + 8 * g + i]!;
          out[at + group * g + i] = doubledE2m1[pair & 15]! * d;
          out[at + group * g + 8 + i] = doubledE2m1[pair >> 4]! * d;
        }
      }
    }
  },

  encode(values, out) {
    for (let at = 0, to = 0; at < values.length; at += block, to += bytesPerBlock) {
      for (let g = 0; g < block / group; g++) {
        const first = at + group * g;
        const scale = toE4m3(fround(largestMagnitude(values, first, group) / 6)); // 6 is the largest E2M1
        const d = halfE4m3(scale);
        out[to + g] = scale;
        for (let i = 0; i < group / 2; i++) {
          out[to + 4 + 8 * g + i] = nearestE2m1(values[first + i]!, d) | (nearestE2m1(values[first + 8 + i]!, d) << 4);
        }
      }
    }
  },
};

function halfE4m3(bits: number): number {
  if (bits === 0x7f) return 0;
  const exponent = (bits >> 3) & 15;
  const mantissa = bits & 7;
  return exponent === 0 ? mantissa * 2 ** -10 : (8 + mantissa) * 2 ** (exponent - 11);
}

/**
 * The nearest E4M3 of a value that is not negative, halves up. What would have the highest exponent is the largest of
 * all, 448, as in ggml's reference, which expects no such scale.
 */
function toE4m3(value: number): number {
  if (value >= 256) return 0x7e;
  if (value < 2 ** -6) return Math.min(7, Math.floor(fround(fround(value * 512) + 0.5)));
  const exponent = Math.floor(Math.log2(value));
  const mantissa = Math.floor((value / 2 ** exponent - 1) * 8 + 0.5); // 8 carries into the exponent
  const bits = ((exponent + 7) << 3) + mantissa;
  return bits < 0x78 ? bits : 0x7e;
}

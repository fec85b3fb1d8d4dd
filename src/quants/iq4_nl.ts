// IQ4_NL: 32 four-bit numbers with one scale; value = d * levels[q], levels closer together around zero.
//
//   byte  0 1     2        3              17
//        [d: F16][q16|q0 ][q17|q1 ] ... [q31|q15]     block of 32 values, 18 bytes (ggml block_iq4_nl)
//                 high|low nibble

import type { Codec } from "./codec.js";
import { floatToHalf, halfToFloat } from "./f16.js";

const block = 32;
const bytesPerBlock = 18;

/** What the 16 codes mean: the levels of ggml (kvalues_iq4nl), fitted to how weights are distributed. */
export const iq4Levels: Int8Array = Int8Array.of(
  ...[-127, -104, -83, -65, -49, -35, -22, -10],
  ...[1, 13, 25, 38, 53, 69, 89, 113],
);

/** Between code i and i + 1. */
const middles = Float64Array.from({ length: 15 }, (_, i) => (iq4Levels[i]! + iq4Levels[i + 1]!) / 2);

export const iq4_nl: Codec = {
  decode(bytes, out) {
    for (let from = 0, at = 0; at < out.length; at += block, from += bytesPerBlock) {
      const d = halfToFloat(bytes[from]! | (bytes[from + 1]! << 8));
      for (let i = 0; i < block / 2; i++) {
        const pair = bytes[from + 2 + i]!;
        out[at + i] = iq4Levels[pair & 15]! * d;
        out[at + 16 + i] = iq4Levels[pair >> 4]! * d;
      }
    }
  },

  encode(values, out, importance) {
    for (let at = 0, to = 0; at < values.length; at += block, to += bytesPerBlock) {
      const group = values.subarray(at, at + block);
      const half = floatToHalf(bestScale(group, iq4Weights(group, group, importance?.subarray(at, at + block))));
      out[to] = half;
      out[to + 1] = half >> 8;
      putIq4(group, halfToFloat(half), out, to + 2);
    }
  },
};

/** How much an error of each value of a group counts: its measured importance, and large values more than small ones. */
export function iq4Weights(group: Float32Array, neighbours: Float32Array, importance?: Float32Array): Float64Array {
  const variance = neighbours.reduce((sum, value) => sum + value * value, 0) / neighbours.length;
  return Float64Array.from(group, (value, i) => (importance?.[i] ?? 1) * Math.sqrt(2 * variance + value * value));
}

/** Writes 32 codes, each the nearest under a scale, as 16 bytes. */
export function putIq4(group: Float32Array, scale: number, out: Uint8Array, to: number): void {
  const inverse = scale ? 1 / scale : 0;
  for (let i = 0; i < 16; i++) {
    out[to + i] = nearestLevel(group[i]! * inverse) | (nearestLevel(group[16 + i]! * inverse) << 4);
  }
}

/**
 * The scale under which rounding a group to the levels errs least: sum of weight * error^2. Tries scales that put the
 * largest magnitude near either end of the levels, then moves each to the optimum for the codes it gives (the
 * projection onto them) for as long as that helps.
 */
export function bestScale(group: Float32Array, weights: Float64Array): number {
  const largest = group.reduce((most, value) => (Math.abs(value) > Math.abs(most) ? value : most), 0);
  if (largest === 0) return 0;
  let best = 0;
  let bestGain = 0;
  for (const end of [iq4Levels[0]!, iq4Levels[15]!]) {
    for (let shift = -12; shift <= 8; shift++) {
      let scale = largest / (end * (1 + shift / 100));
      for (let round = 0; round < 4; round++) {
        const fit = project(group, weights, scale);
        if (!(fit.gain > bestGain)) break;
        bestGain = fit.gain;
        best = fit.scale;
        scale = fit.scale;
      }
    }
  }
  return best;
}

/** The best scale for the codes that `scale` gives, and by how much it lowers the squared error against all zeros. */
function project(group: Float32Array, weights: Float64Array, scale: number): { scale: number; gain: number } {
  const inverse = 1 / scale;
  let product = 0;
  let square = 0;
  for (let i = 0; i < group.length; i++) {
    const level = iq4Levels[nearestLevel(group[i]! * inverse)]!;
    product += weights[i]! * level * group[i]!;
    square += weights[i]! * level * level;
  }
  return square > 0 ? { scale: product / square, gain: (product * product) / square } : { scale: 0, gain: 0 };
}

function nearestLevel(value: number): number {
  let code = value > middles[7]! ? 8 : 0;
  if (value > middles[code + 3]!) code += 4;
  if (value > middles[code + 1]!) code += 2;
  return value > middles[code]! ? code + 1 : code;
}

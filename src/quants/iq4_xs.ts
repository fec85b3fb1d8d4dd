// IQ4_XS: 256 four-bit numbers with a six-bit scale per 32; value = d * (s - 32) * levels[q], the levels of IQ4_NL.
//
//   byte  0 1     2            3    4                7       8          9               23               135
//        [d: F16][h7 h6 ... h1 h0][l1|l0] ... [l7|l6] [q16|q0 ][q17|q1 ] ... [q31|q15] ... [q255|q239]
//                 two bits each    high|low nibble
//                                                             block of 256 values, 136 bytes (ggml block_iq4_xs)
//
// s = h|l. Encoding searches for the smallest weighted squared error.

import type { Codec } from "./codec.js";
import { halfToFloat } from "./f16.js";
import { fitScale, type Group, gainOf, groupsOf, iq4Levels, project, putCodes } from "./fit_levels.js";
import { finiteHalf } from "./iq4_nl.js";

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
      const groups = groupsOf(values.subarray(at, at + block), importance?.subarray(at, at + block), group);
      const { half, steps } = fitBlock(groups);
      out.fill(0, to, to + 8);
      out[to] = half;
      out[to + 1] = half >> 8;
      for (const [g, { values }] of groups.entries()) {
        const s = steps[g]! + 32;
        out[to + 2 + (g >> 2)]! |= (s >> 4) << (2 * (g & 3));
        out[to + 4 + (g >> 1)]! |= (s & 15) << (4 * (g & 1));
        putCodes(values, halfToFloat(half) * steps[g]!, out, to + 8 + 16 * g);
      }
    }
  },
};

interface Fit {
  readonly half: number;
  /** The scale of each group in multiples of the half, -32 to 31. */
  readonly steps: readonly number[];
  readonly gain: number;
}

/** Rounds the best scales of the groups to multiples of a half, and moves it to the optimum for what that gives. */
function fitBlock(groups: readonly Group[]): Fit {
  const scales = groups.map(fitScale);
  // The largest scale is met exactly: -32 * d whatever its sign.
  let d = scales.reduce((most, scale) => (Math.abs(scale) > Math.abs(most) ? scale : most), 0) / -32;
  let best: Fit = { half: 0, steps: scales.map(() => 0), gain: 0 };
  for (let round = 0; round < 4; round++) {
    const next = roundScales(groups, scales, finiteHalf(d));
    if (!(next.gain > best.gain)) break;
    best = next;
    d = refit(groups, best);
  }
  return best;
}

function roundScales(groups: readonly Group[], scales: readonly number[], half: number): Fit {
  const d = halfToFloat(half);
  let total = 0;
  const steps = groups.map((group, g) => {
    let [best, bestGain] = [0, 0];
    const nearest = Math.round(scales[g]! / d);
    for (let step = Math.max(-32, nearest - 1); step <= Math.min(31, nearest + 1); step++) {
      const gain = gainOf(group, d * step);
      if (gain > bestGain) [best, bestGain] = [step, gain];
    }
    total += bestGain;
    return best;
  });
  return { half, steps, gain: total };
}

/** The best d for the codes and steps of a fit. */
function refit(groups: readonly Group[], { half, steps }: Fit): number {
  let [product, square] = [0, 0];
  for (const [g, group] of groups.entries()) {
    const sums = project(group, halfToFloat(half) * steps[g]!);
    product += steps[g]! * sums.product;
    square += steps[g]! ** 2 * sums.square;
  }
  return product / square;
}

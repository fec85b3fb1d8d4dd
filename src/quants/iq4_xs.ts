// IQ4_XS: 256 four-bit numbers with a six-bit scale per 32; value = d * (s - 32) * levels[q], the levels of IQ4_NL.
//
//   byte  0 1     2            3    4                7       8          9               23               135
//        [d: F16][h7 h6 ... h1 h0][l1|l0] ... [l7|l6] [q16|q0 ][q17|q1 ] ... [q31|q15] ... [q255|q239]
//                 two bits each    high|low nibble
//                                                             block of 256 values, 136 bytes (ggml block_iq4_xs)
//
// s = h|l. Encoding searches for the smallest weighted squared error.

import type { Codec } from "./codec.js";
import { halfToFloat, roundEven } from "./f16.js";
import {
  type Block,
  fitScales,
  type Group,
  inverseOrZero,
  iq4Levels,
  nearestHalf,
  project,
  putCodes,
  readBlock,
} from "./fit_levels.js";

const block = 256;
const bytesPerBlock = 136;
const group = 32;
const { fround } = Math;

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
      const read = readBlock(values.subarray(at, at + block), importance?.subarray(at, at + block));
      const { half, d, steps } = fitSteps(read);
      out.fill(0, to, to + 8);
      out[to] = half;
      out[to + 1] = half >> 8;
      for (const [g, one] of read.groups.entries()) {
        const s = steps[g]! + 32;
        out[to + 2 + (g >> 2)]! |= (s >> 4) << (2 * (g & 3));
        out[to + 4 + (g >> 1)]! |= (s & 15) << (4 * (g & 1));
        putCodes(one, fround(d * steps[g]!), out, to + 8 + 16 * g);
      }
    }
  },
};

/** Scales of the groups of a block as steps of a half. */
interface Fit {
  /** As they would be best. */
  readonly scales: readonly number[];
  readonly half: number;
  /** What the half is, in units. */
  readonly d: number;
  /** -32 to 31. */
  readonly steps: readonly number[];
  /** How much less the weighted squared error is than that of zeros. */
  readonly gain: number;
  /** The d that suits these steps and codes best. */
  readonly next: number;
}

/** Scales far from all others may cost the block more than they gain their group: near ones are tried, too. */
function fitSteps(read: Block): Fit {
  const found = read.groups.map(fitScales);
  const [near, any] = [found.map((one) => one.near), found.map((one) => one.any)];
  let fit = better(roundSteps(read, near, firstD(near)), roundSteps(read, any, firstD(any)));
  for (let i = 0; i < 2; i++) fit = better(fit, roundSteps(read, fit.scales, fit.next));
  return fit;
}

const better = (a: Fit, b: Fit) => (b.gain > a.gain ? b : a);

/** Under which the largest scale is -32 steps, whatever its sign. */
function firstD(scales: readonly number[]): number {
  const [most, least] = [Math.max(...scales), Math.max(...scales.map((scale) => 0 - scale))];
  return (most > least ? 0 - most : least) / 32;
}

function roundSteps(read: Block, scales: readonly number[], wish: number): Fit {
  const { half, d } = nearestHalf(wish, read);
  const [steps, sums] = [[] as number[], [0, 0, 0]];
  for (const [g, group] of read.groups.entries()) {
    const best = bestStep(group, d, roundEven(fround(scales[g]! * inverseOrZero(d))));
    steps.push(best.step);
    for (const [i, term] of [best.gain, best.product, best.square].entries()) sums[i] = fround(sums[i]! + term);
  }
  const [gain, products, squares] = sums as [number, number, number];
  return { scales, half, d, steps, gain, next: fround(products * inverseOrZero(squares)) };
}

/** Of the three steps nearest to a scale the one that gains most; its products with d = 1. */
function bestStep(group: Group, d: number, nearest: number) {
  let best = { step: 0, gain: 0, product: 0, square: 0 };
  for (const aside of [-1, 0, 1]) {
    const step = Math.max(-32, Math.min(31, nearest + aside));
    const scale = fround(d * step);
    const { product, square } = project(group, inverseOrZero(scale));
    const gain = fround(scale * fround(2 * product - fround(scale * square)));
    if (gain > best.gain) best = { step, gain, product: fround(step * product), square: fround(step * step * square) };
  }
  return best;
}

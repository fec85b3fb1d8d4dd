// The search behind Q3_K and Q6_K: 256 values as d * s * (q - middle), 16 groups of one s each, with the smallest weighted
// squared error. The same steps as in fit_ranges.ts, without least values.

import { fittingHalf, halfToFloat } from "./f16.js";

const size = 16; // of a group

export interface CentredShape {
  /** Codes go from 0 to 2 * middle - 1 and mean what they are above it. */
  readonly middle: number;
  /** Scales go from -middleScale to middleScale - 1. */
  readonly middleScale: number;
}

export interface CentredFit {
  /** Bits of a half. */
  readonly d: number;
  /** One per group. */
  readonly scales: Int8Array;
  /** One per value. */
  readonly codes: Uint8Array;
  readonly error: number;
}

/** Neighbouring values, what their errors weigh, and room for their codes. */
interface Group {
  readonly x: Float32Array;
  readonly weights: Float32Array;
  readonly codes: Uint8Array;
}

/** The fit of 256 values; `importance` weighs their squared errors. */
export function fitCentred(x: Float32Array, importance: Float32Array | undefined, shape: CentredShape): CentredFit {
  const weights = importance ?? new Float32Array(x.length).fill(1);
  const groups = Array.from({ length: x.length / size }, (_, j) => {
    const [from, to] = [j * size, (j + 1) * size];
    return { x: x.subarray(from, to), weights: weights.subarray(from, to), codes: new Uint8Array(size) };
  });
  const wishes = groups.map((group) => fitScale(group, shape.middle));
  // The side of the scales that reaches further is for the largest.
  let d = wishes.reduce((most, scale) => (Math.abs(scale) > Math.abs(most) ? scale : most), 0) / -shape.middleScale;
  let best: CentredFit | undefined;
  for (let round = 0; round < 5; round++) {
    const fit = roundGroups(groups, wishes, fittingHalf(d), shape);
    if (best && !(fit.error < best.error)) break;
    best = fit;
    d = refit(groups, fit, shape.middle);
  }
  return best!;
}

/** The scale of one group; its codes are rounded from scales that put the largest value near either end, and improved. */
function fitScale(group: Group, middle: number): number {
  const largest = group.x.reduce((most, value) => (Math.abs(value) > Math.abs(most) ? value : most), 0);
  if (!largest) return 0;
  let best = largest / -middle;
  let bestGain = -Infinity;
  for (const end of [-middle, middle - 1]) {
    for (let step = -10; step <= 10; step++) {
      let scale = largest / (end + step / 10);
      for (let round = 0; round < 4; round++) {
        roundCodes(group, scale, middle);
        const fit = optimalScale(group, middle);
        if (!(fit.gain > bestGain)) break;
        bestGain = fit.gain;
        best = scale = fit.scale;
      }
    }
  }
  return best;
}

/** The best scale for the codes of a group, and by how much it lowers the squared error against all zeros. */
function optimalScale({ x, weights, codes }: Group, middle: number): { scale: number; gain: number } {
  let [qq, xq] = [0, 0];
  for (let i = 0; i < x.length; i++) {
    const q = codes[i]! - middle;
    qq += weights[i]! * q * q;
    xq += weights[i]! * x[i]! * q;
  }
  return qq > 0 ? { scale: xq / qq, gain: (xq * xq) / qq } : { scale: 0, gain: -Infinity };
}

/** Rounds a group to the nearest codes; returns the weighted squared error. */
function roundCodes({ x, weights, codes }: Group, scale: number, middle: number): number {
  const inverse = scale ? 1 / scale : 0;
  let error = 0;
  for (let i = 0; i < x.length; i++) {
    const code = Math.max(0, Math.min(2 * middle - 1, Math.round(x[i]! * inverse) + middle));
    codes[i] = code;
    const difference = x[i]! - scale * (code - middle);
    error += weights[i]! * difference * difference;
  }
  return error;
}

/** Every group on the steps of d: of the three nearest to its wish the one with the least error. */
function roundGroups(
  groups: readonly Group[],
  wishes: readonly number[],
  d: number,
  { middle, middleScale }: CentredShape,
): CentredFit {
  const step = halfToFloat(d);
  const scales = new Int8Array(groups.length);
  const codes = new Uint8Array(groups.length * size);
  let total = 0;
  groups.forEach((group, j) => {
    const wish = step ? Math.max(-middleScale, Math.min(middleScale - 1, Math.round(wishes[j]! / step))) : 0;
    let best = Infinity;
    for (const s of [wish, wish - 1, wish + 1]) {
      if (s < -middleScale || s >= middleScale) continue;
      const error = roundCodes(group, step * s, middle);
      if (!(error < best)) continue;
      best = error;
      scales[j] = s;
      codes.set(group.codes, j * size);
    }
    total += best;
  });
  return { d, scales, codes, error: total };
}

/** The d that suits the chosen scales and codes best. */
function refit(groups: readonly Group[], { d, scales, codes }: CentredFit, middle: number): number {
  let [ss, xs] = [0, 0];
  groups.forEach(({ x, weights }, j) => {
    for (let i = 0; i < size; i++) {
      const s = scales[j]! * (codes[j * size + i]! - middle);
      ss += weights[i]! * s * s;
      xs += weights[i]! * x[i]! * s;
    }
  });
  return ss > 0 ? xs / ss : halfToFloat(d);
}

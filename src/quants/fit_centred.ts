// The search behind Q3_K and Q6_K: 256 values as d * s * (q - middle), 16 groups of one s each, with the smallest weighted
// squared error. The steps of fit_ranges.ts without least values; in f32 they are kernels/cpu/encode/fit_centred.h.

import { fittingHalf, halfToFloat } from "./f16.js";
import { weightsOf } from "./weights.js";

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
  const weights = weightsOf(x.length, importance);
  const groups = Array.from({ length: x.length / size }, (_, j) => {
    const [from, to] = [j * size, (j + 1) * size];
    return { x: x.subarray(from, to), weights: weights.subarray(from, to), codes: new Uint8Array(size) };
  });
  const wishes = groups.map((group) => wish(group, shape.middle));
  // The side of the scales that reaches further is for the largest.
  const d = wishes.reduce((most, scale) => (Math.abs(scale) > Math.abs(most) ? scale : most), 0) / -shape.middleScale;
  const first = choose(groups, wishes, fittingHalf(d), shape);
  const second = choose(groups, wishes, fittingHalf(optimalStep(groups, first, shape.middle)), shape);
  return second.error < first.error ? second : first;
}

/** The best of several scales that put the largest value near either end, each at the optimum of the codes it gives. */
function wish(group: Group, middle: number): number {
  const largest = group.x.reduce((most, value) => (Math.abs(value) > Math.abs(most) ? value : most), 0);
  if (!largest) return 0;
  let best = 0;
  let bestGain = 0;
  const improve = (scale: number) => {
    roundCodes(group, scale, middle);
    const { qq, xq } = sumsOf(group, middle);
    if (!(qq > 0 && (xq * xq) / qq > bestGain)) return;
    bestGain = (xq * xq) / qq;
    best = xq / qq;
  };
  for (const end of [-middle, middle - 1]) {
    for (let step = -2; step <= 2; step++) improve(largest / (end + step / 2));
  }
  improve(best);
  return best;
}

/** Of codes and values, with the weights in each. */
function sumsOf({ x, weights, codes }: Group, middle: number): { qq: number; xq: number } {
  let [qq, xq] = [0, 0];
  for (let i = 0; i < x.length; i++) {
    const q = codes[i]! - middle;
    qq += weights[i]! * q * q;
    xq += weights[i]! * x[i]! * q;
  }
  return { qq, xq };
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
function choose(
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
    const nearest = step ? Math.round(wishes[j]! / step) : 0;
    let best = Infinity;
    for (const off of [0, -1, 1]) {
      const s = Math.max(-middleScale, Math.min(middleScale - 1, nearest + off));
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
function optimalStep(groups: readonly Group[], { d, scales, codes }: CentredFit, middle: number): number {
  let [ss, xs] = [0, 0];
  groups.forEach((group, j) => {
    group.codes.set(codes.subarray(j * size, (j + 1) * size));
    const { qq, xq } = sumsOf(group, middle);
    ss += scales[j]! ** 2 * qq;
    xs += scales[j]! * xq;
  });
  return ss > 0 ? xs / ss : halfToFloat(d);
}

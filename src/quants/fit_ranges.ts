// The search behind Q2_K, Q4_K and Q5_K: 256 values as d * s * q - dmin * m with the smallest weighted squared error.
//
// Each group first finds the line it would like, from several slopes. Then d and dmin are chosen for the block, each group
// takes the best of the steps nearest to its wish, d and dmin move to the optimum of what was chosen, and groups choose
// once more. kernels/cpu/encode/fit_ranges.h does the same in f32, a group in each lane, and may end up a step elsewhere.

import { fittingHalf, halfToFloat } from "./f16.js";
import { weightsOf } from "./weights.js";

export interface RangeShape {
  /** Values in a group. */
  readonly group: number;
  /** The highest code, and the highest s and m. */
  readonly highest: number;
  readonly highestScale: number;
}

export interface RangeFit {
  /** Bits of halves. */
  readonly d: number;
  readonly dmin: number;
  /** One per group. */
  readonly scales: Uint8Array;
  readonly leasts: Uint8Array;
  /** One per value. */
  readonly codes: Uint8Array;
  readonly error: number;
}

/** Some neighbouring values, what their errors weigh, and room for their codes. */
interface Group {
  readonly x: Float32Array;
  readonly weights: Float32Array;
  readonly codes: Uint8Array;
  /** The lowest of them, or 0. */
  readonly low: number;
  /** Sums of the weights, and of the weighted values. */
  readonly w: number;
  readonly wx: number;
}

/** value = scale * q - least, neither negative; `middle` is the mean of the codes. */
interface Line {
  readonly scale: number;
  readonly least: number;
  readonly middle: number;
}

/** Of codes, with the weights in each. */
interface Sums {
  readonly q: number;
  readonly qq: number;
  readonly xq: number;
}

/** The fit of 256 values; `importance` weighs their squared errors. */
export function fitRanges(x: Float32Array, importance: Float32Array | undefined, shape: RangeShape): RangeFit {
  const weights = weightsOf(x.length, importance);
  const groups = Array.from({ length: x.length / shape.group }, (_, j) => {
    const [from, to] = [j * shape.group, (j + 1) * shape.group];
    return makeGroup(x.subarray(from, to), weights.subarray(from, to));
  });
  const wishes = groups.map((group) => wish(group, shape.highest));
  const d = Math.max(...wishes.map(({ scale }) => scale)) / shape.highestScale;
  const dmin = Math.max(...wishes.map(({ least }) => least)) / shape.highestScale;
  const first = choose(groups, wishes, fittingHalf(d), fittingHalf(dmin), shape);
  const [betterD, betterDmin] = optimalSteps(groups, first);
  const second = choose(groups, wishes, fittingHalf(betterD), fittingHalf(betterDmin), shape);
  return second.error < first.error ? second : first;
}

function makeGroup(x: Float32Array, weights: Float32Array): Group {
  let [w, wx] = [0, 0];
  for (let i = 0; i < x.length; i++) {
    w += weights[i]!;
    wx += weights[i]! * x[i]!;
  }
  return { x, weights, codes: new Uint8Array(x.length), low: Math.min(0, ...x), w, wx };
}

/** The line of the best of several slopes, each at the optimum of the codes it gives. */
function wish(group: Group, highest: number): Line {
  const range = Math.max(...group.x) - group.low;
  let best: Line & { gain: number } = { scale: 0, least: -group.low, middle: 0, gain: gainOf(group, -group.low) };
  if (!(range > 0)) return best;
  const improve = (scale: number, least: number) => {
    roundCodes(group, scale, least, highest);
    const line = optimalLine(group);
    if (line.gain > best.gain) best = line;
  };
  for (let step = -4; step <= 4; step++) improve(range / (highest + step / 4), -group.low);
  improve(best.scale, best.least);
  return best;
}

/** The best line for the codes of a group, and by how much it lowers the squared error against all zeros. */
function optimalLine(group: Group): Line & { gain: number } {
  const { w, wx, low } = group;
  const { q, qq, xq } = sumsOf(group);
  const spread = w * qq - q * q;
  // Codes that are all the same, but for rounding, tell no slope: then it is level with the lowest value.
  const free = spread > 1e-6 * w * qq ? (q * xq - qq * wx) / spread : -low;
  const least = Math.max(0, free);
  const rest = xq + least * q;
  const scale = qq > 0 ? Math.max(0, rest / qq) : 0;
  return { scale, least, middle: w > 0 ? q / w : 0, gain: gainOf(group, least) + scale * rest };
}

/** By how much a level line lowers the squared error. */
function gainOf({ w, wx }: Group, least: number): number {
  return -least * (2 * wx + least * w);
}

function sumsOf({ x, weights, codes }: Group): Sums {
  let [q, qq, xq] = [0, 0, 0];
  for (let i = 0; i < x.length; i++) {
    const weighted = weights[i]! * codes[i]!;
    q += weighted;
    qq += weighted * codes[i]!;
    xq += weighted * x[i]!;
  }
  return { q, qq, xq };
}

/** Rounds a group to the nearest codes of a line; returns the weighted squared error. */
function roundCodes({ x, weights, codes }: Group, scale: number, least: number, highest: number): number {
  const inverse = scale > 0 ? 1 / scale : 0;
  let error = 0;
  for (let i = 0; i < x.length; i++) {
    const code = Math.max(0, Math.min(highest, Math.round((x[i]! + least) * inverse)));
    codes[i] = code;
    const difference = x[i]! - scale * code + least;
    error += weights[i]! * difference * difference;
  }
  return error;
}

/** Every group on the steps of d and dmin: the best of the s nearest to its wish, each with the line through its middle. */
function choose(
  groups: readonly Group[],
  wishes: readonly Line[],
  d: number,
  dmin: number,
  { group: size, highest, highestScale }: RangeShape,
): RangeFit {
  const [stepScale, stepLeast] = [halfToFloat(d), halfToFloat(dmin)];
  const scales = new Uint8Array(groups.length);
  const leasts = new Uint8Array(groups.length);
  const codes = new Uint8Array(groups.length * size);
  const steps = (wanted: number, step: number, off: number) =>
    Math.max(0, Math.min(highestScale, (step > 0 ? Math.round(wanted / step) : 0) + off));
  let total = 0;
  groups.forEach((group, j) => {
    const { scale, middle } = wishes[j]!;
    const mean = group.w > 0 ? group.wx / group.w : 0;
    let best = Infinity;
    for (const off of [0, -1, 1]) {
      const s = steps(scale, stepScale, off);
      const m = steps(stepScale * s * middle - mean, stepLeast, 0);
      const error = roundCodes(group, stepScale * s, stepLeast * m, highest);
      if (!(error < best)) continue;
      best = error;
      scales[j] = s;
      leasts[j] = m;
      codes.set(group.codes, j * size);
    }
    total += best;
  });
  return { d, dmin, scales, leasts, codes, error: total };
}

/** The d and dmin that suit the chosen s, m and codes best, unless one would be negative. */
function optimalSteps(groups: readonly Group[], { d, dmin, scales, leasts, codes }: RangeFit): [number, number] {
  let [ss, sm, mm, xs, xm] = [0, 0, 0, 0, 0];
  groups.forEach((group, j) => {
    group.codes.set(codes.subarray(j * group.x.length, (j + 1) * group.x.length));
    const { q, qq, xq } = sumsOf(group);
    const [s, m] = [scales[j]!, leasts[j]!];
    ss += s * s * qq;
    sm += s * m * q;
    mm += m * m * group.w;
    xs += s * xq;
    xm += m * group.wx;
  });
  const determinant = ss * mm - sm * sm;
  const best: [number, number] =
    determinant > 0
      ? [(xs * mm - xm * sm) / determinant, (xs * sm - xm * ss) / determinant]
      : [ss > 0 ? xs / ss : 0, 0];
  return best.every((step) => step >= 0) ? best : [halfToFloat(d), halfToFloat(dmin)];
}

// The search behind Q2_K, Q4_K and Q5_K: 256 values as d * s * q - dmin * m with the smallest weighted squared error.
//
// Each group first finds the scale and least value it would like: several ways of rounding, each moved to the optimum of
// its codes for as long as that helps. Then d and dmin are chosen for the whole block, each group takes the best of the
// steps nearest to its wish, and d and dmin move to the optimum of what was chosen, for as long as that helps.

import { fittingHalf, halfToFloat } from "./f16.js";

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

/** value = scale * q - least, neither negative. */
interface Line {
  readonly scale: number;
  readonly least: number;
}

/** Some neighbouring values, what their errors weigh, and room for their codes. */
interface Group {
  readonly x: Float32Array;
  readonly weights: Float32Array;
  readonly codes: Uint8Array;
}

/** The fit of 256 values; `importance` weighs their squared errors. */
export function fitRanges(x: Float32Array, importance: Float32Array | undefined, shape: RangeShape): RangeFit {
  const weights = importance ?? new Float32Array(x.length).fill(1);
  const groups = Array.from({ length: x.length / shape.group }, (_, j) => {
    const [from, to] = [j * shape.group, (j + 1) * shape.group];
    return { x: x.subarray(from, to), weights: weights.subarray(from, to), codes: new Uint8Array(shape.group) };
  });
  const wishes = groups.map((group) => fitLine(group, shape.highest));
  let d = Math.max(...wishes.map(({ scale }) => scale)) / shape.highestScale;
  let dmin = Math.max(...wishes.map(({ least }) => least)) / shape.highestScale;
  let best: RangeFit | undefined;
  for (let round = 0; round < 5; round++) {
    const fit = roundGroups(groups, wishes, fittingHalf(d), fittingHalf(dmin), shape);
    if (best && !(fit.error < best.error)) break;
    best = fit;
    [d, dmin] = refit(groups, fit);
  }
  return best!;
}

/** The line through one group; its codes are rounded from 20 slopes and improved from there. */
function fitLine(group: Group, highest: number): Line {
  const low = Math.min(0, ...group.x);
  const range = Math.max(...group.x) - low;
  let best: Line = { scale: 0, least: -low };
  if (!(range > 0)) return best;
  let bestGain = -Infinity;
  for (let step = -10; step <= 10; step++) {
    let line: Line = { scale: range / (highest + step / 10), least: -low };
    for (let round = 0; round < 4; round++) {
      roundCodes(group, line, highest);
      const fit = optimalLine(group);
      if (!(fit.gain > bestGain)) break;
      bestGain = fit.gain;
      best = line = fit;
    }
  }
  return best;
}

/** The best line for the codes of a group, and by how much it lowers the squared error against all zeros. */
function optimalLine({ x, weights, codes }: Group): Line & { gain: number } {
  let [w, wx, wq, wqq, wxq] = [0, 0, 0, 0, 0];
  for (let i = 0; i < x.length; i++) {
    const weighted = weights[i]! * codes[i]!;
    w += weights[i]!;
    wx += weights[i]! * x[i]!;
    wq += weighted;
    wqq += weighted * codes[i]!;
    wxq += weighted * x[i]!;
  }
  const determinant = w * wqq - wq * wq;
  let scale = determinant > 0 ? (w * wxq - wx * wq) / determinant : 0;
  let least = determinant > 0 ? (wq * wxq - wqq * wx) / determinant : -1;
  if (!(least >= 0 && scale >= 0)) {
    least = 0;
    scale = wqq > 0 ? Math.max(0, wxq / wqq) : 0;
  }
  const gain = 2 * (scale * wxq - least * wx) - (scale * scale * wqq - 2 * scale * least * wq + least * least * w);
  return { scale, least, gain };
}

/** Rounds a group to the nearest codes of a line; returns the weighted squared error. */
function roundCodes({ x, weights, codes }: Group, { scale, least }: Line, highest: number): number {
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

/** Every group on the steps of d and dmin: of the nine nearest to its wish those with the least error. */
function roundGroups(
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
  let total = 0;
  groups.forEach((group, j) => {
    let best = Infinity;
    for (const s of nearSteps(wishes[j]!.scale, stepScale, highestScale)) {
      for (const m of nearSteps(wishes[j]!.least, stepLeast, highestScale)) {
        const error = roundCodes(group, { scale: stepScale * s, least: stepLeast * m }, highest);
        if (!(error < best)) continue;
        best = error;
        scales[j] = s;
        leasts[j] = m;
        codes.set(group.codes, j * size);
      }
    }
    total += best;
  });
  return { d, dmin, scales, leasts, codes, error: total };
}

/** The whole numbers of steps around a wish. */
function nearSteps(wish: number, step: number, highest: number): number[] {
  const nearest = step > 0 ? Math.min(highest, Math.round(wish / step)) : 0;
  return [nearest, nearest - 1, nearest + 1].filter((steps) => steps >= 0 && steps <= highest);
}

/** The d and dmin that suit the chosen s, m and codes best. */
function refit(groups: readonly Group[], { d, dmin, scales, leasts, codes }: RangeFit): [number, number] {
  let [ss, sm, mm, xs, xm] = [0, 0, 0, 0, 0];
  groups.forEach(({ x, weights }, j) => {
    const m = leasts[j]!;
    for (let i = 0; i < x.length; i++) {
      const s = scales[j]! * codes[j * x.length + i]!;
      const w = weights[i]!;
      ss += w * s * s;
      sm += w * s * m;
      mm += w * m * m;
      xs += w * x[i]! * s;
      xm += w * x[i]! * m;
    }
  });
  const determinant = ss * mm - sm * sm;
  const best: [number, number] =
    determinant > 0
      ? [(xs * mm - xm * sm) / determinant, (xs * sm - xm * ss) / determinant]
      : [ss > 0 ? xs / ss : 0, 0];
  return best.every((step) => step >= 0) ? best : [halfToFloat(d), halfToFloat(dmin)];
}

// Finds the point of a grid that is nearest to some weighted values: exactly, by what the halves of points cost.
//
// Under a scale s, the point p costs, against all zeros,
//   sum of w * ((x - s * p)^2 - x^2) = sum of s * p * (w * s * p - 2 * w * x),
// which is what its lower half costs and what its upper half costs. There are 81 (or 64) of either.

import type { Grid } from "./iq_grids.js";

/** Values that get a point: from `at` on, as many as the grid has dimensions. */
export interface Part {
  readonly weights: Float64Array;
  /** Of weights and values. */
  readonly products: Float64Array;
  readonly at: number;
}

/** Points are multiplied by `scale`, after `shift` is added to each of their values. */
export interface Under {
  readonly scale: number;
  readonly shift: number;
}

export interface NearestPoint {
  readonly point: number;
  readonly cost: number;
}

// Room for one search at a time.
const lower = new Float64Array(81);
const upper = new Float64Array(81);

export function nearestPoint(grid: Grid, part: Part, under: Under): NearestPoint {
  costHalves(grid, part, under, 0, lower);
  costHalves(grid, part, under, grid.dimensions / 2, upper);
  const halves = grid.halves();
  let point = 0;
  let cost = Number.POSITIVE_INFINITY;
  for (let n = 0; n < halves.lower.length; n++) {
    const sum = lower[halves.lower[n]!]! + upper[halves.upper[n]!]!;
    if (!(sum < cost)) continue;
    point = n;
    cost = sum;
  }
  return { point, cost };
}

/** What the nearest point would cost if the grid had every point. */
export function boundCost(grid: Grid, part: Part, under: Under): number {
  let sum = 0;
  for (let i = 0; i < grid.dimensions; i++) {
    let least = Number.POSITIVE_INFINITY;
    for (const level of grid.levels) least = Math.min(least, valueCost(part, under, i, level));
    sum += least;
  }
  return sum;
}

/** What each half costs that begins with value `first`. */
function costHalves({ levels, dimensions }: Grid, part: Part, under: Under, first: number, table: Float64Array): void {
  table[0] = 0;
  for (let i = first, count = 1; i < first + dimensions / 2; i++, count *= levels.length) {
    // The lowest level last, in place.
    for (let level = levels.length - 1; level >= 0; level--) {
      const cost = valueCost(part, under, i, levels[level]!);
      for (let k = 0; k < count; k++) table[level * count + k] = table[k]! + cost;
    }
  }
}

function valueCost({ weights, products, at }: Part, { scale, shift }: Under, i: number, level: number): number {
  const value = scale * (level + shift);
  return value * (weights[at + i]! * value - 2 * products[at + i]!);
}

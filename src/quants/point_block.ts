// A block as fit_points.ts searches it: values by the parts that get a point, weighted, and without their signs.

import type { Grid } from "./iq_grids.js";
import type { Part } from "./nearest_point.js";

export interface PointType {
  readonly grid: Grid;
  /** Values that share a step. */
  readonly group: number;
  /** The highest step; step s means that (2 * s + 1) * unit times d is the scale. */
  readonly highest: number;
  readonly unit: number;
  /** Of points without signs of their own: any, or an even number of minus signs of eight values. */
  readonly signs?: "free" | "even";
  /** What is added to the values of points, or subtracted, and how many neighbouring points share that choice. */
  readonly shift?: { readonly by: number; readonly together: number };
  /** The root mean square of usual points. */
  readonly usual: number;
  /** How many scales are tried for each group. */
  readonly tried: number;
}

export interface Block {
  readonly type: PointType;
  readonly groups: readonly Group[];
  /** One bit per value. */
  readonly signs: Uint8Array;
}

export interface Group {
  readonly parts: readonly Part[];
  /** Of its scale, by the size of its values. */
  readonly guess: number;
}

export function pointBlock(values: Float32Array, importance: Float32Array | undefined, type: PointType): Block {
  const weights = weightsOf(values, importance);
  const products = Float64Array.from(values, (value, i) => value * weights[i]!);
  const { dimensions, levels } = type.grid;
  const groups = Array.from({ length: values.length / type.group }, (_, g) => {
    const from = g * type.group;
    const parts = Array.from({ length: type.group / dimensions }, (_, i) => {
      return { weights, products, at: from + i * dimensions };
    });
    return { parts, guess: sizeOf(values, weights, from, from + type.group) / type.usual };
  });
  const signs = Uint8Array.from({ length: values.length / 8 }, (_, eight) => {
    const low = groups[Math.floor((8 * eight) / type.group)]!.guess * levels[0]!;
    return type.signs ? takeSigns({ weights, products, at: 8 * eight }, type.signs, low) : 0;
  });
  return { type, groups, signs };
}

/**
 * By importance alone: to count errors of large values more, as llama.cpp does, brought the small model no closer. At
 * least a millionth of the largest, so that values which do not matter come out somehow like themselves.
 */
function weightsOf(values: Float32Array, importance: Float32Array | undefined): Float64Array {
  const heaviest = importance ? importance.reduce((most, weight) => Math.max(most, weight), 0) : 0;
  return Float64Array.from(values, (_, i) => (heaviest > 0 ? Math.max(0, importance![i]!) / heaviest + 1e-6 : 1));
}

/** The weighted root mean square. */
function sizeOf(values: Float32Array, weights: Float64Array, from: number, end: number): number {
  let [squares, total] = [0, 0];
  for (let i = from; i < end; i++) {
    squares += weights[i]! * values[i]! ** 2;
    total += weights[i]!;
  }
  return Math.sqrt(squares / total);
}

/**
 * Makes eight products positive, as points are, and returns their signs. Where the number of minus signs has to be even,
 * one may stay negative: that which costs least, with the lowest level, `low`, in its place.
 */
function takeSigns({ weights, products, at }: Part, signs: "free" | "even", low: number): number {
  let [minus, cheapest, least] = [0, 0, Number.POSITIVE_INFINITY];
  let odd = false;
  for (let i = 0; i < 8; i++) {
    const product = products[at + i]!;
    const value = Math.abs(product) / weights[at + i]!;
    const cost = weights[at + i]! * (value < low ? 4 * value * low : (value + low) ** 2);
    if (cost < least) [least, cheapest] = [cost, i];
    if (product < 0) {
      minus |= 1 << i;
      odd = !odd;
    }
    products[at + i] = Math.abs(product);
  }
  if (!odd || signs === "free") return minus;
  products[at + cheapest]! *= -1;
  return minus ^ (1 << cheapest);
}

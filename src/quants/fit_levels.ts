// The search behind IQ4_NL and IQ4_XS: scales under which rounding to the levels has the smallest weighted squared error.
//
// The steps of kernels/cpu/encode/fit_levels.h, each rounded to 32 bits as there, so that the bytes are the same.

import { floatToHalf, halfToFloat } from "./f16.js";
import { largestMagnitude } from "./magnitude.js";

const { fround } = Math;
const groupSize = 32;

/** What the 16 codes mean: the levels of ggml (kvalues_iq4nl), closer together around zero as weights are. */
export const iq4Levels: Int8Array = Int8Array.of(
  ...[-127, -104, -83, -65, -49, -35, -22, -10],
  ...[1, 13, 25, 38, 53, 69, 89, 113],
);

/** Between code i and i + 1. */
const middles = Float64Array.from({ length: 15 }, (_, i) => (iq4Levels[i]! + iq4Levels[i + 1]!) / 2);

/** Where the largest magnitude may come to lie, as parts of either end of the levels: close to it, and anywhere. */
const nearEnds = endsOf(1.08, 1.04, 1, 0.96, 0.92, 0.88);
const farEnds = endsOf(0.6, 0.7, 0.8, 1.16, 1.25, 1.4);

/** Neighbouring values that share a scale. */
export interface Group {
  /** The values, in units of the block. */
  readonly x: Float32Array;
  /** How much an error of each counts. */
  readonly weights: Float32Array;
  /** Of the magnitudes of x, with its sign. */
  readonly largest: number;
}

export interface Block {
  readonly groups: readonly Group[];
  /** The largest power of two in its values. */
  readonly unit: number;
  /** 1 / unit, or 0 where all values are taken for zeros. */
  readonly inverse: number;
}

/**
 * The groups of the values of a block. An error counts by `importance`, and more for large values, which lie further from
 * the levels and would otherwise pay for the many small ones: by the root of twice the mean square plus the square.
 */
export function readBlock(values: Float32Array, importance: Float32Array | undefined): Block {
  const largest = largestMagnitude(values, 0, values.length);
  const unit = 2 ** Math.min(126, Math.floor(Math.log2(largest)));
  // Values this small are zeros under every half.
  const inverse = unit > 2 ** -40 ? 1 / unit : 0;
  const parts = Array.from({ length: values.length / groupSize }, (_, g) => {
    return values.subarray(groupSize * g, groupSize * (g + 1)).map((value) => value * inverse);
  });
  const squares = parts.map((x) => x.reduce((sum, value) => fround(sum + fround(value * value)), 0));
  const mean = squares.reduce((sum, square) => fround(sum + square), 0) * (2 / values.length);
  const weightOf = importance ? partsOf(importance) : () => 1;
  const groups = parts.map((x, g) => ({
    x,
    weights: x.map((value, i) => fround(Math.sqrt(fround(mean + fround(value * value)))) * weightOf(groupSize * g + i)),
    largest: x.reduce((most, value) => (Math.abs(value) > Math.abs(most) ? value : most), 0),
  }));
  return { groups, unit, inverse };
}

/** Importance as parts of the largest. No value counts nothing: some scale has to be the best. */
function partsOf(importance: Float32Array): (i: number) => number {
  const largest = importance.reduce((most, one) => Math.max(most, one), 0);
  return (i) => fround((largest > 0 ? fround(Math.max(0, importance[i]!) / largest) : 1) + 2 ** -20);
}

/** Scales of a group, in units: the best that puts the largest magnitude close to an end of the levels, and the best of all. */
export function fitScales(group: Group): { near: number; any: number } {
  const inverse = inverseOrZero(group.largest);
  let [scale, bestGain] = [0, 0];
  const improve = (inverseScale: number) => {
    const { product, square } = project(group, inverseScale);
    // By how much the best scale for these codes lowers the weighted squared error, compared with all zeros.
    const gain = fround(fround(product * product) / square);
    if (gain > bestGain) [scale, bestGain] = [fround(product / square), gain];
  };
  for (const end of nearEnds) improve(fround(end * inverse));
  const near = scale;
  for (const end of farEnds) improve(fround(end * inverse));
  improve(inverseOrZero(scale));
  return { near, any: scale };
}

/** Weighted products of the levels that a scale gives with the values, and with themselves. */
export function project({ x, weights }: Group, inverse: number): { product: number; square: number } {
  let [product, square] = [0, 0];
  for (let i = 0; i < groupSize; i++) {
    const level = iq4Levels[nearestLevel(fround(x[i]! * inverse))]!;
    product = fround(product + fround(level * fround(weights[i]! * x[i]!)));
    square = fround(square + fround(level * level * weights[i]!));
  }
  return { product, square };
}

/** The nearest half to a scale in units but infinity, and in units what it means. */
export function nearestHalf(scale: number, { unit, inverse }: Block): { half: number; d: number } {
  const half = floatToHalf(Math.max(-65504, Math.min(65504, fround(scale * unit))));
  return { half, d: fround(halfToFloat(half) * inverse) };
}

/** Writes 32 codes, each the nearest under a scale, as 16 bytes. */
export function putCodes({ x }: Group, scale: number, out: Uint8Array, to: number): void {
  const inverse = inverseOrZero(scale);
  const code = (i: number) => nearestLevel(fround(x[i]! * inverse));
  for (let i = 0; i < 16; i++) out[to + i] = code(i) | (code(16 + i) << 4);
}

export function inverseOrZero(scale: number): number {
  return scale ? fround(1 / scale) : 0;
}

function endsOf(...parts: number[]): number[] {
  return parts.flatMap((part) => [iq4Levels[0]!, iq4Levels[15]!].map((end) => fround(end * fround(part))));
}

/** From the middle between two, and NaN, to the lower. */
function nearestLevel(value: number): number {
  let code = value > middles[7]! ? 8 : 0;
  if (value > middles[code + 3]!) code += 4;
  if (value > middles[code + 1]!) code += 2;
  return value > middles[code]! ? code + 1 : code;
}

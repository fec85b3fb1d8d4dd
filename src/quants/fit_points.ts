// The search behind IQ1_S to IQ3_S: 256 values as d * step * sign * (point + shift) with the smallest weighted squared
// error.
//
// Each group of values first finds the scale it would like: of many, the few are tried that would be best if the grid
// had every point, and each moves to the optimum of the points it gives. Then d is chosen so that its steps come close
// to the wishes, each group takes the better of the steps around its wish, and d moves to the optimum of all that.

import type { Codec } from "./codec.js";
import { fittingHalf, halfToFloat } from "./f16.js";
import { boundCost, type NearestPoint, nearestPoint } from "./nearest_point.js";
import { type Block, type Group, type PointType, pointBlock } from "./point_block.js";

export interface PointFit {
  /** Bits of a half. */
  readonly d: number;
  /** One per group. */
  readonly steps: Uint8Array;
  /** One for each eight values, or four. */
  readonly points: readonly ShiftedPoint[];
  /** One bit per value. */
  readonly signs: Uint8Array;
}

export interface ShiftedPoint extends NearestPoint {
  readonly shift: number;
}

/** A scale for a group, the points under it, and their weighted products with the values and with themselves. */
interface Wish {
  readonly scale: number;
  readonly points: readonly ShiftedPoint[];
  readonly product: number;
  readonly square: number;
}

/** A step and points for each group. */
interface Fit {
  readonly d: number;
  readonly steps: Uint8Array;
  readonly points: readonly (readonly ShiftedPoint[])[];
  /** Against all zeros. */
  readonly cost: number;
}

/** An encoder that writes fits of 256 values by `put`, over zeros; a block of zeros where nothing is better. */
export function pointEncoder(
  type: PointType,
  bytes: number,
  put: (fit: PointFit, out: Uint8Array) => void,
): NonNullable<Codec["encode"]> {
  return (values, out, importance) => {
    out.fill(0);
    for (let at = 0, to = 0; at < values.length; at += 256, to += bytes) {
      const fit = fitPoints(values.subarray(at, at + 256), importance?.subarray(at, at + 256), type);
      if (fit) put(fit, out.subarray(to, to + bytes));
    }
  };
}

/** The fit of 256 values; `importance` weighs their squared errors. Undefined where zeros are no worse. */
function fitPoints(values: Float32Array, importance: Float32Array | undefined, type: PointType): PointFit | undefined {
  const block = pointBlock(values, importance, type);
  const wishes = block.groups.map((group) => wishScale(group, type));
  const d = chooseD(wishes, type);
  if (d === 0) return undefined;
  let best = fitWishes(block, wishes, d);
  const again = fitSteps(block, refit(block, best), best.steps, best.points);
  if (again.cost < best.cost) best = again;
  return best.cost < 0 ? { d: best.d, steps: best.steps, points: best.points.flat(), signs: block.signs } : undefined;
}

/** The scale that a group would like. */
function wishScale(group: Group, type: PointType): Wish {
  // A third of the guess to twice the guess.
  const scales = Array.from({ length: 12 }, (_, n) => group.guess * 0.35 * 1.17 ** n);
  const bounds = scales.map((scale) => ({ scale, bound: boundGroup(group, type, scale) }));
  const few = bounds.sort((a, b) => a.bound - b.bound).slice(0, type.tried);
  const wishes = few.map(({ scale }) => {
    const points = shiftedPoints(group, type, scale);
    const { product, square } = sumsOf(group, type, points);
    return { scale: Math.max(0, product / square), points, product, square };
  });
  return wishes.reduce((best, wish) => (wish.scale * wish.product > best.scale * best.product ? wish : best));
}

/** What a group would cost if the grid had every point. */
function boundGroup(group: Group, type: PointType, scale: number): number {
  return sharing(group, type).reduce((sum, parts) => {
    const costs = shiftsOf(type).map((shift) =>
      parts.reduce((cost, part) => cost + boundCost(type.grid, part, { scale, shift }), 0),
    );
    return sum + Math.min(...costs);
  }, 0);
}

/** The nearest points, shifted to the better side. */
function shiftedPoints(group: Group, type: PointType, scale: number): ShiftedPoint[] {
  return sharing(group, type).flatMap((parts) => {
    const choices = shiftsOf(type).map((shift) =>
      parts.map((part) => ({ ...nearestPoint(type.grid, part, { scale, shift }), shift })),
    );
    return choices.reduce((best, points) => (costOf(points) < costOf(best) ? points : best));
  });
}

const shiftsOf = ({ shift }: PointType) => (shift ? [shift.by, -shift.by] : [0]);

/** The parts of a group that share a shift. */
function sharing({ parts }: Group, { shift }: PointType): Group["parts"][] {
  const size = shift?.together ?? 1;
  return Array.from({ length: parts.length / size }, (_, i) => parts.slice(i * size, (i + 1) * size));
}

const costOf = (points: readonly NearestPoint[]) => points.reduce((sum, { cost }) => sum + cost, 0);

/** Weighted products of the points of a group with the values, and with themselves. */
function sumsOf({ parts }: Group, { grid }: PointType, points: readonly ShiftedPoint[]) {
  let [product, square] = [0, 0];
  for (const [n, { weights, products, at }] of parts.entries()) {
    const { point, shift } = points[n]!;
    for (let i = 0; i < grid.dimensions; i++) {
      const value = grid.points()[grid.dimensions * point + i]! + shift;
      product += products[at + i]! * value;
      square += weights[at + i]! * value * value;
    }
  }
  return { product, square };
}

const multipleOf = (step: number, { unit }: PointType) => (2 * step + 1) * unit;

/** The highest step that is no more than a scale, if there is one. */
function stepBelow(scale: number, d: number, { unit, highest }: PointType): number {
  return Math.max(0, Math.min(highest, Math.floor((scale / (d * unit) - 1) / 2)));
}

/** The bits of the d under which steps are closest to the wishes; the largest of them meets one near the highest. */
function chooseD(wishes: readonly Wish[], type: PointType): number {
  const largest = Math.max(...wishes.map(({ scale }) => scale)) / multipleOf(type.highest, type);
  let [chosen, least] = [0, Number.POSITIVE_INFINITY];
  for (let n = 0; n < 32 && largest > 0; n++) {
    const half = fittingHalf(largest / (0.8 + n / 64));
    const d = halfToFloat(half);
    let error = 0;
    for (const { scale, square } of wishes) {
      const nearest = stepBelow(scale + d * type.unit, d, type);
      error += square * (scale - d * multipleOf(nearest, type)) ** 2;
    }
    if (error < least) [chosen, least] = [half, error];
  }
  return chosen;
}

/** For each group the better of the two steps around its wish. */
function fitWishes(block: Block, wishes: readonly Wish[], d: number): Fit {
  const { type } = block;
  const points = wishes.map((wish) => wish.points);
  const steps = Uint8Array.from(wishes, ({ scale }) => stepBelow(scale, halfToFloat(d), type));
  const below = fitSteps(block, d, steps, points);
  const above = fitSteps(
    block,
    d,
    steps.map((step) => Math.min(type.highest, step + 1)),
    points,
  );
  const better = wishes.map((_, g) => (costOf(above.points[g]!) < costOf(below.points[g]!) ? above : below));
  const chosen = better.map((fit, g) => fit.points[g]!);
  return { d, steps: Uint8Array.from(better, (fit, g) => fit.steps[g]!), points: chosen, cost: costOf(chosen.flat()) };
}

/** The nearest points under those steps, with the shifts of `points`. */
function fitSteps({ type, groups }: Block, d: number, steps: Uint8Array, points: Fit["points"]): Fit {
  const found = groups.map(({ parts }, g) => {
    const scale = halfToFloat(d) * multipleOf(steps[g]!, type);
    return parts.map((part, i) => {
      const { shift } = points[g]![i]!;
      return { ...nearestPoint(type.grid, part, { scale, shift }), shift };
    });
  });
  return { d, steps, points: found, cost: costOf(found.flat()) };
}

/** The bits of the best d for the steps and points of a fit. */
function refit({ type, groups }: Block, { steps, points }: Fit): number {
  let [product, square] = [0, 0];
  for (const [g, group] of groups.entries()) {
    const sums = sumsOf(group, type, points[g]!);
    const step = multipleOf(steps[g]!, type);
    product += step * sums.product;
    square += step * step * sums.square;
  }
  return fittingHalf(Math.max(0, product / square));
}

// Rounding to -1, 0 and 1, as TQ1_0, TQ2_0 and Q2_0 do.

const { fround } = Math;

/** What values are multiplied by; 0 where it would be infinite, which makes zeros of them. */
export function inverseOf(d: number): number {
  const inverse = d ? fround(1 / d) : 0;
  return Number.isFinite(inverse) ? inverse : 0;
}

/** -1, 0 or 1: the nearest to value * inverse, halves away from zero. */
export function nearestTrit(value: number, inverse: number): number {
  const scaled = fround(value * inverse);
  if (scaled >= 0.5) return 1;
  return scaled <= -0.5 ? -1 : 0;
}

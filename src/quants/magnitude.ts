// The largest magnitude of some neighbouring values: what many encoders take their scale from.

/** The largest magnitude of `count` values from `at`; 0 where there are none but zeros. */
export function largestMagnitude(values: Float32Array, at: number, count: number): number {
  let largest = 0;
  for (let i = 0; i < count; i++) largest = Math.max(largest, Math.abs(values[at + i]!));
  return largest;
}

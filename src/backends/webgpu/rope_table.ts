// The angles of rotary embeddings, as a table: the device's own sines are only good to 2e-4.

import type { Rope } from "../../program/ops.js";

/** Cosine and sine of every pair at every position. */
export function ropeValues({ frequencies, magnitude }: Rope, positions: number): Float32Array<ArrayBuffer> {
  const values = new Float32Array(positions * frequencies.length * 2);
  let at = 0;
  for (let position = 0; position < positions; position++) {
    for (let i = 0; i < frequencies.length; i++) {
      const angle = Math.fround(position * frequencies[i]!);
      values[at++] = Math.cos(angle) * magnitude;
      values[at++] = Math.sin(angle) * magnitude;
    }
  }
  return values;
}

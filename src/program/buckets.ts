// Numbers of distances between tokens: near ones have their own, farther ones share them.

import type { DisentangledConfig } from "./config.js";

/**
 * The numbers of the distances -reach to reach, where `reach` is the distance beyond which all have one number. The upper
 * half of `count` numbers is for keys after the query. Of each half, the first half are of one distance, and the others
 * grow with its logarithm. Source: transformers modeling_t5.py (_relative_position_bucket), in f32 steps as there.
 */
export function distanceBuckets(count: number, reach: number): Int32Array {
  const half = Math.floor(count / 2);
  const exact = Math.floor(half / 2);
  const growth = Math.fround(Math.log(reach / exact));
  const numberOf = (distance: number) => {
    if (distance < exact) return distance;
    const octaves = Math.fround(Math.fround(Math.log(Math.fround(distance / exact))) / growth);
    return Math.min(exact + Math.trunc(Math.fround(octaves * (half - exact))), half - 1);
  };
  return Int32Array.from({ length: 2 * reach + 1 }, (_, i) => {
    const distance = i - reach;
    return numberOf(Math.abs(distance)) + (distance > 0 ? half : 0);
  });
}

/**
 * The rows of distances -reach to reach in DeBERTa's table of 2 * span rows: of keys after the query in the lower half. Of
 * either half those nearer than span / 2 have their own; farther ones share, or all have their own and the farthest one.
 * Source: transformers modeling_deberta_v2.py (make_log_bucket_position), in f32 steps as there.
 */
export function disentangledRows({ span, reach, shared }: DisentangledConfig): Int32Array {
  const middle = Math.floor(span / 2);
  const growth = Math.fround(Math.log(Math.fround((reach - 1) / middle)));
  const near = (distance: number) => {
    if (!shared || distance <= middle) return distance;
    const octaves = Math.fround(Math.fround(Math.log(Math.fround(distance / middle))) / growth);
    return Math.ceil(Math.fround(octaves * (middle - 1))) + middle;
  };
  return Int32Array.from({ length: 2 * reach + 1 }, (_, i) => {
    const distance = reach - i;
    return Math.min(Math.max(Math.sign(distance) * near(Math.abs(distance)) + span, 0), 2 * span - 1);
  });
}

// Sizes of tensors, from shapes that a file merely claims.

import { DeadliftError } from "../error.js";
import type { Quant } from "../quants/index.js";
import type { Tensor } from "../tensor.js";

/** Of a file: the largest published models have some 100 thousand tensors, in many files. */
export const maxTensors = 250_000;

/** A tensor of a file that need not be mapped: `offset` counts from the start of the file. */
export type TensorInfo = Omit<Tensor, "file"> & Partial<Pick<Tensor, "file">>;

/** Product of sizes, or undefined when it leaves the integers that a number holds exactly. */
export function elementCount(shape: readonly number[]): number | undefined {
  let count = 1;
  for (const size of shape) {
    count *= size;
    if (!Number.isSafeInteger(count)) return undefined;
  }
  return count;
}

/** Bytes of a tensor, or undefined when its values do not fill whole blocks or are too many to count. */
export function tensorBytes(quant: Quant, shape: readonly number[]): number | undefined {
  const count = elementCount(shape);
  if (count === undefined || count % quant.block !== 0) return undefined;
  const bytes = (count / quant.block) * quant.bytes;
  return Number.isSafeInteger(bytes) ? bytes : undefined;
}

export function truncated(path: string, size: number, needed: number, what: string): DeadliftError {
  return new DeadliftError(
    "Truncated",
    `${path} has ${size} bytes, expected ${needed} for ${what}: the download is incomplete; download it again`,
  );
}

// Weights that are plain numbers of a tensor in another order.

import { DeadliftError } from "../../error.js";
import type { MadeWeight, Part, ReorderedWeight } from "../../packed.js";
import { plainTypes, wrongShape } from "./module.js";

/** Throws UnsupportedQuant, WrongShape. */
export function checkPlain(part: Part, shape: readonly number[]): void {
  if (!plainTypes.includes(part.quant)) {
    throw new DeadliftError(
      "UnsupportedQuant",
      `expected dtype ${plainTypes.join(" or ")} for tensor "${part.name}", received ${part.quant}`,
    );
  }
  if (part.shape.length !== shape.length || part.shape.some((size, i) => size !== shape[i])) {
    throw wrongShape(part, `[${shape.join(", ")}]`);
  }
}

/** The weight of this shape that some of a tensor's numbers are, in the order that `order` says (packed.ts). */
export function reordered<T extends Part>(
  part: T,
  shape: readonly number[],
  order: Pick<ReorderedWeight, "first" | "stackStep" | "rowStep" | "columnStep">,
): MadeWeight<T> {
  const values = (each: readonly number[]) => each.reduce((product, size) => product * size, 1);
  const byteLength = (part.byteLength / values(part.shape)) * values(shape);
  const { name, quant } = part;
  return { name, quant, shape, offset: 0, byteLength, part, ...order, packedBytes: byteLength };
}

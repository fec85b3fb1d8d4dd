// Which weights of an encoder become blocks of whole numbers when it is loaded in fast precision.

import type { Bound } from "./formats/weights.js";
import { isPacked, type WantedWeight, type Weight } from "./packed.js";
import type { Program } from "./program/ops.js";
import { quantOf } from "./quants/index.js";

const floats: readonly string[] = ["F32", "F16", "BF16"];
/** Loses least of the types that are multiplied in whole numbers. */
const rounded = "Q8_0";

/**
 * The matrices of products that are floats, to be rounded; all else as it is. A text of an encoder has many tokens, which
 * share what rounding costs; the memory is a byte for each number.
 */
export function roundMatrices(program: Program, bound: readonly Bound<Weight>[]): Bound<WantedWeight>[] {
  const matrices = new Set(program.ops.flatMap((op) => (op.kind === "linear" ? [op.weight] : [])));
  return bound.map((weight, id) => (matrices.has(id) && !Array.isArray(weight) ? round(weight as Weight) : weight));
}

function round(weight: Weight): WantedWeight {
  const { block, bytes } = quantOf(rounded);
  const columns = weight.shape.at(-1)!;
  if (isPacked(weight) || !floats.includes(weight.quant) || columns % block !== 0) return weight;
  const { name, shape } = weight;
  const byteLength = (shape.reduce((product, size) => product * size, 1) / block) * bytes;
  return { name, quant: rounded, shape, offset: 0, byteLength, floats: weight };
}

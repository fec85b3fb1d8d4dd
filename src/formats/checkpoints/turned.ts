// Matrices that are stored with columns for rows, such as those of GPT-2: put in order at load.

import type { MadeWeight, Part } from "../../packed.js";
import type { Program } from "../../program/ops.js";
import { familyNames } from "../families/index.js";
import { checkPlain, reordered } from "./reordered.js";

/** Replaces those of this model type by what makes them. Throws WrongShape, UnsupportedQuant. */
export function turnMatrices<T extends Part>(
  found: Map<string, T | MadeWeight<T>>,
  program: Program,
  type: string | undefined,
): void {
  const turned = familyNames("safetensors", type)?.turned ?? [];
  for (const { name, shape } of program.weights) {
    const part = found.get(name) as T | undefined;
    if (!part || !turned.includes(name.replace(/^layers\.\d+\./, ""))) continue;
    const [rows, columns] = shape as [number, number];
    checkPlain(part, [columns, rows]);
    found.set(name, reordered(part, shape, { first: 0, stackStep: 0, rowStep: 1, columnStep: rows }));
  }
}

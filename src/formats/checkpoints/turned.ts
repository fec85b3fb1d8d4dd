// Matrices that are stored with columns for rows, such as those of GPT-2: put in order at load.

import type { MadeWeight, Part } from "../../packed.js";
import type { Program } from "../../program/ops.js";
import { familyNames } from "../families/index.js";
import { plainTypes, wrongShape } from "./module.js";

/** Replaces those of this model type by what makes them. Throws WrongShape. */
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
    const [height, width] = part.shape;
    if (part.shape.length !== 2 || height !== columns || width !== rows || !plainTypes.includes(part.quant)) {
      throw wrongShape(part, `[${columns}, ${rows}]`);
    }
    const { quant, byteLength } = part;
    const steps = { first: 0, stackStep: 0, rowStep: 1, columnStep: rows };
    found.set(name, { name: part.name, quant, shape, offset: 0, byteLength, part, ...steps, packedBytes: byteLength });
  }
}

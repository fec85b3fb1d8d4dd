// Experts that are stored with columns for rows, all of a layer in one tensor: Llama 4.

import type { MadeWeight, Part } from "../../packed.js";
import type { Program } from "../../program/ops.js";
import { checkPlain, reordered } from "./reordered.js";

/**
 * Adds "ffn.experts.gate" and ".up" (experts, ffn, dim), made of "ffn.experts.gate_up_columns" (experts, dim, 2 * ffn), and
 * "ffn.experts.down" (experts, dim, ffn) of "ffn.experts.down_columns" (experts, ffn, dim). Throws WrongShape,
 * UnsupportedQuant.
 */
export function addTransposed<T extends Part>(found: Map<string, T | MadeWeight<T>>, program: Program): void {
  for (const { name, shape } of program.weights) {
    const [, stem = "", matrix = ""] = /^(.+\.experts)\.(gate|up|down)$/.exec(name) ?? [];
    const [experts = 0, rows = 0, columns = 0] = shape;
    const stored = matrix === "down" ? "down_columns" : "gate_up_columns";
    const part = found.has(name) ? undefined : (found.get(`${stem}.${stored}`) as T | undefined);
    if (!part) continue;
    const width = matrix === "down" ? rows : 2 * rows;
    checkPlain(part, [experts, columns, width]);
    const first = matrix === "up" ? rows : 0;
    found.set(name, reordered(part, shape, { first, stackStep: columns * width, rowStep: 1, columnStep: width }));
  }
}

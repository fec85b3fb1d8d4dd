// Matrices of latent attention as programs want them, one stack for keys and one for values, where files hold both in one.

import type { MadeWeight, Part } from "../../packed.js";
import type { Program } from "../../program/ops.js";
import { checkPlain, reordered } from "./reordered.js";

/**
 * Adds "attention.k_b" (heads, rank, passDim) and "attention.v_b" (heads, valueDim, rank), made of "attention.kv_b" (heads *
 * (passDim + valueDim), rank), whose keys lie the other way round. Throws WrongShape, UnsupportedQuant.
 */
export function addLatent<T extends Part>(found: Map<string, T | MadeWeight<T>>, program: Program): void {
  const shapes = new Map(program.weights.map(({ name, shape }) => [name, shape]));
  for (const [name, shape] of shapes) {
    const [, stem] = /^(.+\.attention)\.k_b$/.exec(name) ?? [];
    const part = stem && !found.has(name) ? (found.get(`${stem}.kv_b`) as T | undefined) : undefined;
    const values = shapes.get(`${stem}.v_b`);
    if (!part || !values) continue;
    const [heads = 0, rank = 0, passDim = 0] = shape;
    const valueDim = values[1]!;
    const stackStep = (passDim + valueDim) * rank;
    checkPlain(part, [heads * (passDim + valueDim), rank]);
    found.set(name, reordered(part, shape, { first: 0, stackStep, rowStep: 1, columnStep: rank }));
    const first = passDim * rank;
    found.set(`${stem}.v_b`, reordered(part, values, { first, stackStep, rowStep: rank, columnStep: 1 }));
  }
}

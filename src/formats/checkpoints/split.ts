// Matrices that GGUF holds as one, where a program wants several: queries, keys and values, each some of its rows; and
// stacks of no experts.

import type { MadeWeight, Part } from "../../packed.js";
import type { Program, Weight } from "../../program/ops.js";
import { wrongShape } from "./module.js";

const kinds = ["q", "k", "v"] as const;

/** Adds the parts of matrices and biases "attention.qkv" that the program names apart. Throws WrongShape. */
export function splitQkv<T extends Part>(found: Map<string, T | MadeWeight<T>>, program: Program): void {
  const wanted = new Map(program.weights.map((weight) => [weight.name, weight]));
  for (const name of wanted.keys()) {
    const [, layer, bias = ""] = /^(layers\.\d+\.attention)\.q(\.bias)?$/.exec(name) ?? [];
    const whole = layer === undefined || found.has(name) ? undefined : found.get(`${layer}.qkv${bias}`);
    if (!whole) continue;
    const three = kinds.map((kind) => wanted.get(`${layer}.${kind}${bias}`));
    split(found, whole as T, three);
  }
}

/** Adds the matrices "streams.join.2" of stacks "streams.join" that the program names apart. */
export function splitStacks<T extends Part>(found: Map<string, T | MadeWeight<T>>, program: Program): void {
  for (const { name, shape } of program.weights) {
    const [, base = "", index] = /^(.+)\.(\d+)$/.exec(name) ?? [];
    const stack = found.has(name) ? undefined : (found.get(base) as T | undefined);
    const [count = 0, ...rest] = stack?.shape ?? [];
    if (!stack || rest.length !== shape.length || Number(index) >= count) continue;
    const byteLength = stack.byteLength / count;
    found.set(name, { ...stack, shape: rest, offset: stack.offset + Number(index) * byteLength, byteLength });
  }
}

function split<T extends Part>(
  found: Map<string, T | MadeWeight<T>>,
  whole: T,
  weights: readonly (Weight | undefined)[],
): void {
  const rows = weights.reduce((sum, weight) => sum + (weight?.shape[0] ?? 0), 0);
  const rest = whole.shape.slice(1);
  if (whole.shape[0] !== rows) throw wrongShape(whole, `[${[rows, ...rest].join(", ")}]`);
  let first = 0;
  for (const weight of weights) {
    if (!weight) continue;
    const count = weight.shape[0]!;
    const [offset, byteLength] = [first, count].map((row) => (whole.byteLength / rows) * row) as [number, number];
    found.set(weight.name, { ...whole, shape: [count, ...rest], offset: whole.offset + offset, byteLength });
    first += count;
  }
}

// Which kernels a product of a weight runs as: by how many tokens a step has, by its type, and by what the device has.

import type { BufferId } from "../../../program/ops.js";
import type { Bound } from "../buffers.js";
import type { Parts } from "../kernels.js";
import { type Grid, type Lowering, stride } from "../lowering.js";
import type { Matrix } from "../weights.js";

/** Workgroups of one dimension: the limit of all devices is 65,535. */
export const fold = 32_768;
/** Steps of more tokens have kernels that reuse decoded weights more, and have more to do for it. */
export const fewTokens = 8;
/** Rows and tokens of a workgroup of linear_many. */
export const tile = 64;

export interface Form {
  readonly kernel: string;
  readonly parts: Parts;
  /** As the kernel reads it. */
  readonly x: Bound;
  /** Whether it is what a step of so many tokens runs. */
  readonly runs: (tokens: number) => boolean;
  /** `width`: rows of a result, those that fill it up included; each is made of a row of so many weights. */
  readonly grid: (tokens: number, width: number, factors: number) => Grid;
}

/** Exactly one runs in a step. */
export function formsOf(lowering: Lowering, x: BufferId, matrix: Matrix): readonly Form[] {
  const { decode } = matrix.layout;
  const quant = `quants/${decode}`;
  const slot = lowering.slot(x);
  const inBytes = lowering.options.precision === "fast" && typesInBytes.includes(decode);
  // Software adapters: translating programs for a CPU takes longer than most steps, so they are small, and one.
  if (lowering.device.variants.includes("serial")) {
    const runs = () => true;
    if (!inBytes) return [vec("one_token", quant, slot, { runs, tokens: 1, rows: (factors) => 64 * factors })];
    const bytes = bytesOf(lowering, x, runs);
    return [vec("one_token_bytes", `bytes/${decode}`, bytes, { runs, tokens: 1, rows: () => 64 * 4 })];
  }
  const forMany: Form = {
    kernel: "linear_many",
    parts: { quant, many: "lib/many_tokens" },
    x: slot,
    runs: many,
    grid: (tokens, width, factors) => [Math.ceil(tokens / tile), Math.ceil((width * factors) / tile), 1],
  };
  if (!inBytes) {
    return [
      vec("one_token", quant, slot, { runs: one, tokens: 1, rows: () => 4 }),
      vec("four_tokens", quant, slot, { runs: few, tokens: 4, rows: () => 2 }),
      forMany,
    ];
  }
  const bytes = bytesOf(lowering, x, (tokens) => !many(tokens));
  return [
    vec("one_token_bytes", `bytes/${decode}`, bytes, { runs: one, tokens: 1, rows: () => 4 }),
    vec("four_tokens_bytes", `bytes/${decode}`, bytes, { runs: few, tokens: 4, rows: () => 4 }),
    forMany,
  ];
}

const one: Form["runs"] = (tokens) => tokens === 1;
const few: Form["runs"] = (tokens) => tokens > 1 && tokens <= fewTokens;
const many: Form["runs"] = (tokens) => tokens > fewTokens;

/** When it runs, and what a workgroup has: tokens, and rows of weights; as the part `tokens` says. */
interface Shape {
  readonly runs: Form["runs"];
  readonly tokens: number;
  readonly rows: (factors: number) => number;
}

function vec(part: string, quant: string, x: Bound, { runs, tokens: at, rows }: Shape): Form {
  return {
    kernel: "linear_vec",
    parts: { quant, tokens: `lib/${part}` },
    x,
    runs,
    grid: (tokens, width, factors) => {
      const groups = Math.ceil((width * factors) / rows(factors));
      return [Math.ceil(tokens / at), Math.min(groups, fold), Math.ceil(groups / fold)];
    },
  };
}

/** Types that kernels/webgpu/bytes has. */
const typesInBytes: readonly string[] = ["q8_0", "q4_0", "q4_k"];

/** What was last made bytes of: of neighbouring ops only the first must do it. */
const lastInBytes = new WeakMap<Lowering, BufferId>();

/** Activations as bytes (kernels/webgpu/to_bytes.wgsl). */
function bytesOf(lowering: Lowering, x: BufferId, runs: Form["runs"]): Bound {
  const groups = stride(lowering.width(x)) / 32;
  const out = lowering.places.scratch("bytes", 12 * groups, lowering.program.buffers[x]!.rows);
  if (lastInBytes.get(lowering) === x) return out;
  lastInBytes.set(lowering, x);
  lowering.emit({
    kernel: "to_bytes",
    params: { groups, rows: lowering.rowsOf(x) },
    bind: { x: lowering.slot(x), out },
    grid: (size) => {
      const tokens = lowering.rowCount(x, size);
      return runs(tokens) ? [Math.ceil(groups / 64), tokens, 1] : undefined;
    },
  });
  return out;
}

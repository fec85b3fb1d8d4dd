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

/** Exactly one runs in a step. What they read of x that is not there yet is emitted. */
export function formsOf(lowering: Lowering, x: BufferId, matrix: Matrix): readonly Form[] {
  const { variants, facts } = lowering.device;
  const { decode } = matrix.layout;
  const fast = lowering.options.precision === "fast";
  const inBytes = fast && typesInBytes.includes(decode);
  const quant = inBytes ? `bytes/${decode}` : `quants/${decode}`;
  // Software adapters: translating programs for a CPU takes longer than most steps, so they are small, and one.
  if (variants.includes("serial")) {
    const runs = () => true;
    if (!inBytes)
      return [vec("one_token", quant, lowering.slot(x), { runs, tokens: 1, rows: (factors) => 64 * factors })];
    return [vec("one_token_bytes", quant, bytesOf(lowering, x, runs), { runs, tokens: 1, rows: () => 64 * 4 })];
  }
  const last = fast && facts.matrixSide > 0 ? matrices(lowering, x, matrix) : tiles(lowering, x, matrix);
  if (inBytes) {
    const bytes = bytesOf(lowering, x, (tokens) => !many(tokens));
    return [
      vec("one_token_bytes", quant, bytes, { runs: one, tokens: 1, rows: () => 4 }),
      vec("four_tokens_bytes", quant, bytes, { runs: few, tokens: 4, rows: () => 4 }),
      last,
    ];
  }
  const slot = lowering.slot(x);
  return [
    vec("one_token", quant, slot, { runs: one, tokens: 1, rows: () => 4 }),
    vec("four_tokens", quant, slot, { runs: few, tokens: 4, rows: () => 2 }),
    last,
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

function tiles(lowering: Lowering, x: BufferId, matrix: Matrix): Form {
  const parts = { quant: `quants/${matrix.layout.decode}`, many: "lib/many_tokens" };
  return { kernel: "linear_many", parts, x: lowering.slot(x), runs: many, grid: tileGrid };
}

/** Tiles of small matrices of F16: no adapter is known to be right yet, so this is for who asks for less precision. */
function matrices(lowering: Lowering, x: BufferId, matrix: Matrix): Form {
  const side = lowering.device.facts.matrixSide;
  const parts = { quant: `quants/${matrix.layout.decode}`, matrix: `lib/matrix_${side}` };
  return { kernel: "linear_matrices", parts, x: halvesOf(lowering, x), runs: many, grid: tileGrid };
}

function tileGrid(tokens: number, width: number, factors: number): Grid {
  return [Math.ceil(tokens / tile), Math.ceil((width * factors) / tile), 1];
}

/** Types that kernels/webgpu/bytes has. */
const typesInBytes: readonly string[] = ["q8_0", "q4_0", "q4_k"];

/** Activations as bytes: kernels/webgpu/to_bytes.wgsl. */
function bytesOf(lowering: Lowering, x: BufferId, runs: Form["runs"]): Bound {
  const groups = stride(lowering.width(x)) / 32;
  return converted(lowering, "to_bytes", x, 12 * groups, { groups }, (tokens) =>
    runs(tokens) ? [Math.ceil(groups / 64), tokens, 1] : undefined,
  );
}

/** Activations in F16: kernels/webgpu/to_halves.wgsl. */
function halvesOf(lowering: Lowering, x: BufferId): Bound {
  const width = lowering.width(x);
  return converted(lowering, "to_halves", x, stride(width) / 2 + 4, { width }, (tokens) =>
    many(tokens) ? [1, tokens, 1] : undefined,
  );
}

/** What each kernel last converted: of neighbouring ops only the first must do it. */
const lastConverted = new WeakMap<Lowering, Map<string, BufferId>>();

function converted(
  lowering: Lowering,
  kernel: string,
  x: BufferId,
  width: number,
  params: Readonly<Record<string, number>>,
  grid: (tokens: number) => Grid | undefined,
): Bound {
  const out = lowering.places.scratch(kernel, width, lowering.program.buffers[x]!.rows);
  const last = lastConverted.get(lowering) ?? new Map();
  lastConverted.set(lowering, last);
  if (last.get(kernel) === x) return out;
  last.set(kernel, x);
  lowering.emit({
    kernel,
    params: { ...params, rows: lowering.rowsOf(x) },
    bind: { x: lowering.slot(x), out },
    grid: (size) => grid(lowering.rowCount(x, size)),
  });
  return out;
}

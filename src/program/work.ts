// What tokens cost a program: multiplications while a prompt is read, bytes while an answer is written.

import type { Attend, Op, Program } from "./ops.js";

export interface Work {
  /** Operations (a multiply-add is two) of all matrix products of one prompt token; attention is not counted. */
  readonly promptFlops: number;
  /**
   * Bytes that a step of one token of each stream reads: matrices once, keys and values of `context` tokens and states
   * for every stream. Undefined where streams of a mixture may share experts.
   */
  stepBytes(streams: number, context: number): number | undefined;
}

/** One matrix product: of so many of its stack, the others are not read. */
interface Product {
  readonly flops: number;
  readonly bytes: number;
  readonly ofTokens: boolean;
}

/** Of a program as it was recorded. `weightBytes`: of each weight; `headBytes`: of a key, or a value, in the KV cache. */
export function workOf(program: Program, weightBytes: readonly number[], headBytes: (headDim: number) => number): Work {
  const products = program.ops.flatMap((op) => productOf(op, program, weightBytes) ?? []);
  const attends = program.ops.filter((op) => op.kind === "attend");
  const isMixture = program.ops.some((op) => op.kind === "expert_linear");
  const sum = (values: readonly number[]) => values.reduce((a, b) => a + b, 0);
  const matrices = sum(products.map(({ bytes }) => bytes));
  const states = 4 * sum(program.states.map(({ values }) => values));
  const cached = (context: number) => states + sum(attends.map((op) => bytesRead(op, program, context, headBytes)));
  return {
    promptFlops: sum(products.filter(({ ofTokens }) => ofTokens).map(({ flops }) => flops)),
    stepBytes: (streams, context) =>
      isMixture && streams > 1 ? undefined : matrices + Math.round(streams * cached(context)),
  };
}

function productOf(op: Op, { weights, buffers }: Program, weightBytes: readonly number[]): Product | undefined {
  if (op.kind !== "linear" && op.kind !== "expert_linear") return undefined;
  const { shape } = weights[op.weight]!;
  const share = op.kind === "expert_linear" ? buffers[op.chosen]!.width / shape[0]! : 1;
  return {
    flops: 2 * share * shape.reduce((product, size) => product * size, 1),
    bytes: share * weightBytes[op.weight]!,
    ofTokens: buffers[op.out]!.rows === "tokens",
  };
}

function bytesRead(
  { layer, window = Number.POSITIVE_INFINITY }: Attend,
  { layers }: Program,
  context: number,
  headBytes: (headDim: number) => number,
): number {
  const { kvHeads, headDim } = layers[layer]!;
  return 2 * kvHeads * headBytes(headDim) * Math.min(window, context);
}

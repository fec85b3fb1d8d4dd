// Products with stacks of matrices, of which each token has a few: experts that a router chose, or groups.

import type { BufferId, ExpertGlu, WeightId } from "../../../program/ops.js";
import type { Bound } from "../buffers.js";
import { type Grid, type Lowering, type ParamValue, stride } from "../lowering.js";
import type { Matrix, MatrixPart } from "../weights.js";
import { activationCode } from "./activations.js";
import { fewTokens, fold, tile } from "./forms.js";
import type { Lowered } from "./index.js";
import { rowsOf } from "./products.js";

/** Rows of weights of a workgroup of linear_vec, a thread in "serial" (kernels/webgpu/lib/pairs.wgsl). */
const rowsAtOnce = 4;

export const expertOps: Lowered = {
  expert_linear(op, lowering) {
    emitLinear(lowering, stackOf(lowering, op), op.bias);
  },

  group_linear(op, lowering) {
    emitLinear(lowering, stackOf(lowering, { ...op, chosen: undefined }), undefined);
  },

  expert_glu(op, lowering) {
    const [gate, up] = [op.gate, op.up].map((id) => lowering.places.matrix(id)) as [Matrix, Matrix];
    const stack = stackOf(lowering, { ...op, weight: op.gate });
    if (gate.layout !== up.layout) return emitApart(lowering, stack, op);
    gate.parts.forEach((part, p) => {
      emitPairs(lowering, stack, part, {
        product: "expert_glu",
        params: {
          gateBias: lowering.vector(op.gateBias),
          upBias: lowering.vector(op.upBias),
          activation: activationCode(op.activation),
        },
        bind: { gate_weight: part, up_weight: up.parts[p]!, out: lowering.slot(op.out) },
      });
    });
  },
};

/** What all products of one stack of a shape have in common. */
interface Stack {
  readonly matrix: Matrix;
  readonly out: BufferId;
  /** Matrices of a token, and rows of each. */
  readonly used: number;
  readonly height: number;
  readonly chosen: Bound | undefined;
  readonly lists: Bound | undefined;
  readonly x: Bound;
  /** Floats of x between tokens, and between matrices of a token. */
  readonly xRow: number;
  readonly xSlot: number;
}

interface StackOp {
  readonly out: BufferId;
  readonly x: BufferId;
  readonly weight: WeightId;
  readonly chosen: BufferId | undefined;
}

function stackOf(lowering: Lowering, { out, x, weight, chosen }: StackOp): Stack {
  const matrix = lowering.places.matrix(weight);
  const height = lowering.program.weights[weight]!.shape[1]!;
  return {
    matrix,
    out,
    used: lowering.width(out) / height,
    height,
    chosen: chosen === undefined ? undefined : lowering.slot(chosen),
    lists: chosen === undefined ? undefined : listsOf(lowering, chosen, matrix.rows / height),
    ...xOf(lowering, x, matrix.columns, lowering.width(out) / height),
  };
}

/** Kernels read whole groups of x: parts of a row that do not end with one are laid apart first. */
function xOf(lowering: Lowering, id: BufferId, columns: number, used: number): Pick<Stack, "x" | "xRow" | "xSlot"> {
  const [x, width] = [lowering.slot(id), lowering.width(id)];
  if (width === columns) return { x, xRow: stride(width), xSlot: 0 };
  if (columns % 32 === 0) return { x, xRow: stride(width), xSlot: columns };
  const xSlot = stride(columns);
  const { rows } = lowering.program.buffers[id]!;
  const out = lowering.places.scratch("spread", used * xSlot, rows);
  lowering.emit({
    kernel: "spread",
    params: { columns, parts: used, rows: lowering.rowsOf(id) },
    bind: { x, out },
    grid: (size) => [Math.ceil((used * xSlot) / 64), lowering.rowCount(id, size), 1],
  });
  return { x: out, xRow: used * xSlot, xSlot };
}

/** Of stacks of two types: two products, and then what is made of them. */
function emitApart(lowering: Lowering, stack: Stack, op: ExpertGlu): void {
  const { out, gateBias, up, upBias, activation } = op;
  const width = lowering.width(out);
  const { rows } = lowering.program.buffers[out]!;
  const [gates, ups] = ["gates", "ups"].map((name) => lowering.places.scratch(name, width, rows)) as [Bound, Bound];
  emitLinear(lowering, stack, gateBias, gates);
  emitLinear(lowering, { ...stack, matrix: lowering.places.matrix(up) }, upBias, ups);
  lowering.emit({
    kernel: "glu",
    params: { width, activation: activationCode(activation) },
    bind: { a: gates, b: ups, out: lowering.slot(out) },
    grid: lowering.perValue(out),
  });
}

function emitLinear(
  lowering: Lowering,
  stack: Stack,
  bias: WeightId | undefined,
  out = lowering.slot(stack.out),
): void {
  for (const part of stack.matrix.parts) {
    emitPairs(lowering, stack, part, {
      product: "expert_linear",
      params: { bias: lowering.vector(bias) },
      bind: { weight: part, out },
    });
  }
}

interface Product {
  /** A part of this name, in kernels/webgpu/lib. */
  readonly product: "expert_linear" | "expert_glu";
  readonly params: Readonly<Record<string, ParamValue>>;
  readonly bind: Readonly<Record<string, Bound>>;
}

/** Of each pair of a token and one of its matrices; what of it another part of the stack has is another dispatch's. */
function emitPairs(lowering: Lowering, stack: Stack, part: MatrixPart, { product, params, bind }: Product): void {
  const { matrix, out, used, height, chosen, x, xRow, xSlot } = stack;
  const width = used * height;
  const cover = height + stride(width) - width;
  const factors = product === "expert_linear" ? 1 : 2;
  const parts = { quant: `quants/${matrix.layout.decode}`, product: `lib/${product}` };
  const experts = matrix.rows / height;
  const serial = lowering.device.variants.includes("serial");
  const common = {
    ...rowsOf(matrix, part),
    ...{ cover, height, used, chooses: chosen ? 1 : 0, xRow, xSlot },
    ...{ rows: lowering.rowsOf(out), lists: experts + 1 },
    ...params,
  };
  const groups = Math.ceil((cover * factors) / rowsAtOnce / (serial ? 64 : 1));
  lowering.emit({
    kernel: "linear_vec",
    parts: { ...parts, tokens: "lib/pairs", results: "lib/pairs" },
    params: common,
    bind: { ...bind, x, chosen: chosen ?? lowering.places.nothing },
    grid: (size): Grid | undefined => {
      const count = lowering.rowCount(out, size);
      if (!serial && areMany(count, used, experts)) return undefined;
      return [count * used, Math.min(groups, fold), Math.ceil(groups / fold)];
    },
  });
  if (serial) return;
  const tiles = Math.ceil((cover * factors) / tile);
  lowering.emit({
    kernel: "linear_many",
    parts: { ...parts, many: "lib/many_pairs", expert_of: "lib/expert_listed" },
    params: common,
    bind: { ...bind, x, chosen: stack.lists ?? lowering.places.nothing },
    grid: (size) => {
      const count = lowering.rowCount(out, size);
      return areMany(count, used, experts) ? [Math.ceil(count / tile), tiles, experts] : undefined;
    },
  });
}

/** Whether weights that are decoded once for all tokens that chose an expert are worth the room of a tile. */
function areMany(count: number, used: number, experts: number): boolean {
  return count > fewTokens && count * used >= 2 * experts;
}

/** Whose lists are made last: of neighbouring ops only the first must do it. */
const lastListed = new WeakMap<Lowering, BufferId>();

/** Pairs by experts (kernels/webgpu/expert_lists.wgsl). */
function listsOf(lowering: Lowering, chosen: BufferId, experts: number): Bound | undefined {
  if (lowering.device.variants.includes("serial")) return undefined;
  const used = lowering.width(chosen);
  const { rows } = lowering.program.buffers[chosen]!;
  // Room for where lists begin, in as few rows as there ever are when they are made.
  const lists = lowering.places.scratch("expert lists", used + Math.ceil((experts + 1) / fewTokens), rows);
  if (lastListed.get(lowering) === chosen) return lists;
  lastListed.set(lowering, chosen);
  lowering.emit({
    kernel: "expert_lists",
    params: { experts, used, lists: experts + 1, rows: lowering.rowsOf(chosen) },
    bind: { chosen: lowering.slot(chosen), out: lists },
    grid: (size) => (areMany(lowering.rowCount(chosen, size), used, experts) ? [experts, 1, 1] : undefined),
  });
  return lists;
}

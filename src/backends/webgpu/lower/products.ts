// Matrix products, and what is read from tables by row.

import type { Activation, BufferId, LinearGlu, WeightId } from "../../../program/ops.js";
import type { Bound } from "../buffers.js";
import { type Lowering, NONE, type ParamValue, stride } from "../lowering.js";
import type { Matrix, MatrixPart } from "../weights.js";
import { activationCode } from "./activations.js";
import { formsOf } from "./forms.js";
import type { Lowered } from "./index.js";

export const productOps: Lowered = {
  embed(op, lowering) {
    const table = lowering.places.matrix(op.table);
    const index = { token: 0, position: 2, segment: 1 }[op.index];
    for (const part of table.parts) {
      lowering.emit({
        kernel: "embed",
        parts: { quant: `quants/${table.layout.decode}` },
        params: {
          ...rowsOf(table, part),
          index,
          offset: op.offset,
          tableRows: table.rows,
          width: lowering.width(op.out),
        },
        bind: { weight: part, out: lowering.slot(op.out) },
        grid: (size) => [Math.ceil(table.groups / 64), size.tokens, 1],
      });
    }
  },

  linear(op, lowering) {
    emitLinear(lowering, op);
  },

  linear_act(op, lowering) {
    emitLinear(lowering, op);
  },

  linear_add(op, lowering) {
    emitLinear(lowering, op);
  },

  linear_glu(op, lowering) {
    const gate = lowering.places.matrix(op.gate);
    const up = lowering.places.matrix(op.up);
    if (gate.layout === up.layout) emitGlu(lowering, op, gate, up);
    else emitApart(lowering, op);
  },
};

/** Where a part's rows lie, as all products take it. */
export function rowsOf(matrix: Matrix, part: MatrixPart): Record<string, ParamValue> {
  return { planes: part.planes, groups: matrix.groups, firstRow: part.firstRow, partRows: part.rows };
}

/** Rows of results that a part writes: the last one also fills rows up with zeros. */
export function coverOf(matrix: Matrix, part: MatrixPart): number {
  const isLast = part.firstRow + part.rows === matrix.rows;
  return isLast ? stride(matrix.rows) - part.firstRow : part.rows;
}

/** `linear`, and what comes after it in the same kernel. */
interface LinearEmission {
  readonly out: BufferId;
  readonly x: BufferId;
  readonly weight: WeightId;
  readonly bias: WeightId | undefined;
  readonly activation?: Activation;
  readonly residual?: BufferId;
}

function emitLinear(lowering: Lowering, op: LinearEmission, out = lowering.slot(op.out)): void {
  const { weight, bias, activation, residual } = op;
  const matrix = lowering.places.matrix(weight);
  for (const part of matrix.parts) {
    emitProduct(lowering, op, matrix, part, {
      product: "linear",
      params: {
        bias: lowering.vector(bias),
        activation: activation === undefined ? NONE : activationCode(activation),
        residual: residual === undefined ? 0 : 1,
      },
      bind: {
        weight: part,
        residual: residual === undefined ? lowering.places.nothing : lowering.slot(residual),
        out,
      },
    });
  }
}

function emitGlu(lowering: Lowering, op: LinearGlu, gate: Matrix, up: Matrix): void {
  gate.parts.forEach((part, p) => {
    emitProduct(lowering, op, gate, part, {
      product: "linear_glu",
      params: {
        gateBias: lowering.vector(op.gateBias),
        upBias: lowering.vector(op.upBias),
        activation: activationCode(op.activation),
      },
      bind: { gate_weight: part, up_weight: up.parts[p]!, out: lowering.slot(op.out) },
    });
  });
}

/** Weights of two types: two products, and then what is made of them. */
function emitApart(lowering: Lowering, op: LinearGlu): void {
  const { out, x, gate, gateBias, up, upBias, activation } = op;
  const width = lowering.width(out);
  const { rows } = lowering.program.buffers[out]!;
  const [gates, ups] = ["gates", "ups"].map((name) => lowering.places.scratch(name, width, rows)) as [Bound, Bound];
  emitLinear(lowering, { out, x, weight: gate, bias: gateBias }, gates);
  emitLinear(lowering, { out, x, weight: up, bias: upBias }, ups);
  lowering.emit({
    kernel: "glu",
    params: { width, activation: activationCode(activation) },
    bind: { a: gates, b: ups, out: lowering.slot(out) },
    grid: lowering.perValue(out),
  });
}

/** What kernels for few and for many tokens have in common. */
interface Product {
  /** Their part of this name, in kernels/webgpu/lib. */
  readonly product: "linear" | "linear_glu";
  readonly params: Readonly<Record<string, ParamValue>>;
  readonly bind: Readonly<Record<string, Bound>>;
}

function emitProduct(
  lowering: Lowering,
  { out, x }: { readonly out: BufferId; readonly x: BufferId },
  matrix: Matrix,
  part: MatrixPart,
  { product, params, bind }: Product,
): void {
  const cover = coverOf(matrix, part);
  const common = {
    ...rowsOf(matrix, part),
    ...{ cover, columns: matrix.columns, width: lowering.width(out), rows: lowering.rowsOf(out) },
    ...params,
  };
  const factors = product === "linear" ? 1 : 2;
  for (const { kernel, parts, x: factor, runs, grid } of formsOf(lowering, x, matrix)) {
    lowering.emit({
      kernel,
      parts: { ...parts, product: `lib/${product}` },
      params: common,
      bind: { ...bind, x: factor },
      grid: (size) => {
        const tokens = lowering.rowCount(out, size);
        return runs(tokens) ? grid(tokens, cover, factors) : undefined;
      },
    });
  }
}

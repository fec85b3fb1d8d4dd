// Matrix products, and what is read from tables by row.

import type { BufferId, WeightId } from "../../../program/ops.js";
import { type Grid, type Lowering, type ParamValue, stride } from "../lowering.js";
import type { Matrix, MatrixPart } from "../weights.js";
import type { Lowered } from "./index.js";

/** Workgroups of one dimension: the limit of all devices is 65,535. */
const fold = 32_768;

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
    emitLinear(lowering, { ...op });
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

interface LinearEmission {
  readonly out: BufferId;
  readonly x: BufferId;
  readonly weight: WeightId;
  readonly bias: WeightId | undefined;
}

function emitLinear(lowering: Lowering, { out, x, weight, bias }: LinearEmission): void {
  const matrix = lowering.places.matrix(weight);
  for (const part of matrix.parts) {
    lowering.emit({
      kernel: "linear_vec",
      parts: { quant: `quants/${matrix.layout.decode}` },
      params: {
        ...rowsOf(matrix, part),
        cover: coverOf(matrix, part),
        columns: matrix.columns,
        width: lowering.width(out),
        bias: lowering.vector(bias),
        rows: lowering.rowsOf(out),
      },
      bind: { weight: part, x: lowering.slot(x), out: lowering.slot(out) },
      grid: (size) => folded(Math.ceil(coverOf(matrix, part) / 64), lowering.rowCount(out, size)),
    });
  }
}

export function folded(count: number, rows: number): Grid {
  return [Math.min(count, fold), Math.ceil(count / fold), rows];
}

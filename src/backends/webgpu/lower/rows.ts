// Ops that make each row of rows, value by value or as a whole.

import type { Lowered } from "./index.js";

export const rowOps: Lowered = {
  select(op, lowering) {
    lowering.emit({
      kernel: "select",
      params: { width: lowering.width(op.out) },
      bind: { x: lowering.slot(op.x), out: lowering.slot(op.out) },
      grid: lowering.perValue(op.out),
    });
  },

  norm(op, lowering) {
    const width = lowering.width(op.x);
    const { group, epsilon, offset } = op;
    const weight = lowering.vector(op.weight);
    const weights = op.weight === undefined ? 1 : lowering.program.weights[op.weight]!.shape[0]!;
    lowering.emit({
      kernel: "norm",
      params: { width, group, epsilon, offset, weight, weights, rows: lowering.rowsOf(op.out) },
      bind: { x: lowering.slot(op.x), out: lowering.slot(op.out) },
      grid: lowering.perGroup(op.out, width / group),
    });
  },
};

// row_scores: what depends on weights only is made once, a table that each step's heads are multiplied with.

import type { RowScores } from "../../../program/ops.js";
import type { Bound } from "../buffers.js";
import { type Lowering, stride } from "../lowering.js";
import type { Lowered } from "./index.js";
import { rowsOf } from "./products.js";

export const rowScoresOps: Lowered = {
  row_scores(op, lowering) {
    const { headDim } = op;
    const heads = lowering.width(op.x) / headDim;
    const height = lowering.width(op.out) / heads;
    const across = Math.ceil(stride(heads * height) / 64);
    lowering.emit({
      kernel: "row_scores",
      params: { heads, headDim, height },
      bind: { x: lowering.slot(op.x), table: madeTable(op, height, lowering), out: lowering.slot(op.out) },
      grid: (size) => [across, Math.ceil(size.tokens / 8), 1],
    });
  },
};

/** The table's rows, normed, times the weight. */
function madeTable(op: RowScores, height: number, lowering: Lowering): Bound {
  const weight = lowering.places.matrix(op.weight);
  const { columns } = weight;
  const { places, width } = { places: lowering.places, width: lowering.width(op.x) };
  const rows = places.constant(`rows ${op.table} ${op.norm} ${op.normBias}`, 4 * height * stride(columns));
  const fours = (width / op.headDim) * Math.ceil(op.headDim / 4);
  const made = places.constant(`row scores ${op.table} ${op.norm} ${op.weight}`, 16 * fours * height);
  const { table, norm, normBias, epsilon, headDim } = op;
  lowering.emitOnce({
    kernel: "row_scores_rows",
    params: {
      ...{ table: places.vector(table), height, columns, epsilon },
      norm: lowering.vector(norm),
      normBias: lowering.vector(normBias),
    },
    bind: { out: rows },
    grid: () => [Math.ceil(height / 8), 1, 1],
  });
  for (const part of weight.parts) {
    lowering.emitOnce({
      kernel: "row_scores_table",
      parts: { quant: `quants/${weight.layout.decode}` },
      params: { ...rowsOf(weight, part), height, columns, headDim, bias: lowering.vector(op.bias) },
      bind: { weight: part, x: rows, out: made },
      grid: () => [Math.ceil(part.rows / 64), height, 1],
    });
  }
  return made;
}

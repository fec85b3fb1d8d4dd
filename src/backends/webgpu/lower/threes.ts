// Neighbouring products of the same x, as of queries, keys and values: one dispatch for two or three of them.

import type { Linear, Program } from "../../../program/ops.js";
import { type Lowering, stride } from "../lowering.js";
import type { Matrix } from "../weights.js";
import { formsOf } from "./forms.js";

/** More have more buffers than every device binds. */
const most = 3;

/** Those that may run together from this op on, by the program alone; with biases they have one buffer too many. */
export function neighboursAt({ ops }: Program, index: number): readonly Linear[] {
  const found: Linear[] = [];
  for (const op of ops.slice(Math.max(index, 0), index + most)) {
    if (op.kind !== "linear" || op.bias !== undefined || (found[0] && op.x !== found[0].x)) break;
    found.push(op);
  }
  return found;
}

/** Emits as many as have weights of one type, each in one buffer; how many that are, 0: each is on its own. */
export function emitThree(neighbours: readonly Linear[], lowering: Lowering): number {
  if (neighbours.length < 2) return 0;
  const matrices = neighbours.map(({ weight }) => lowering.places.matrix(weight));
  const { layout } = matrices[0]!;
  // Tables are a buffer more than every device binds.
  const fits = (one: Matrix) => one.layout === layout && one.parts.length === 1 && !layout.grids;
  const apart = matrices.findIndex((matrix) => !fits(matrix));
  const count = apart < 0 ? neighbours.length : apart;
  if (count < 2) return 0;
  emitTogether(neighbours.slice(0, count), matrices.slice(0, count), lowering);
  return count;
}

function emitTogether(ops: readonly Linear[], matrices: readonly Matrix[], lowering: Lowering): void {
  const { x, out } = ops[0]!;
  const widths = [0, 1, 2].map((i) => matrices[i]?.rows ?? 0) as [number, number, number];
  const cover = widths.reduce((sum, width) => sum + stride(width), 0);
  // Where there is no third one, nothing is read of its weight, and nothing written.
  const parts = [0, 1, 2].map((i) => (matrices[i] ?? matrices[0]!).parts[0]!);
  const outs = ops.map((op) => lowering.slot(op.out));
  const { rows } = lowering.program.buffers[out]!;
  for (const form of formsOf(lowering, x, matrices[0]!)) {
    lowering.emit({
      kernel: form.kernel,
      parts: { ...form.parts, product: "lib/linear_three" },
      params: {
        ...{ planes: parts[0]!.planes, secondPlanes: parts[1]!.planes, thirdPlanes: parts[2]!.planes },
        ...{ groups: matrices[0]!.groups, columns: matrices[0]!.columns, cover, rows: lowering.rowsOf(out) },
        ...{ firstWidth: widths[0], secondWidth: widths[1], thirdWidth: widths[2] },
      },
      bind: {
        ...{ first_weight: parts[0]!, second_weight: parts[1]!, third_weight: parts[2]! },
        ...{ first_out: outs[0]!, second_out: outs[1]! },
        third_out: outs[2] ?? lowering.places.scratch("no third result", 32, rows),
        x: form.x,
      },
      grid: (size) => {
        const tokens = lowering.rowCount(out, size);
        return form.runs(tokens) ? form.grid(tokens, cover, 1) : undefined;
      },
    });
  }
}

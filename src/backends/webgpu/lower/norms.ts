// Norms, and the sum of two rows together with its norm.

import type { Add, LayerNorm, Norm, Program } from "../../../program/ops.js";
import type { Lowering, ParamValue } from "../lowering.js";
import type { Lowered } from "./index.js";
import { perTeam } from "./teams.js";

export const normOps: Lowered = {
  norm(op, lowering) {
    const bind = { x: lowering.slot(op.x) };
    perTeam(lowering, "norm", op.out, bind, { ...normParams(op, lowering), ...groupParams(op, lowering) }, op.group);
  },

  layer_norm(op, lowering) {
    const params = { ...normParams(op, lowering), ...groupParams(op, lowering), bias: lowering.vector(op.bias) };
    perTeam(lowering, "layer_norm", op.out, { x: lowering.slot(op.x) }, params, op.group);
  },
};

function normParams({ epsilon, offset, weight }: Norm | LayerNorm, lowering: Lowering): Record<string, ParamValue> {
  // What stands for no weight is 1.
  return { epsilon, offset: weight === undefined ? 0 : offset, weight: lowering.vector(weight) };
}

function groupParams(op: Norm | LayerNorm, { program }: Lowering): Record<string, ParamValue> {
  const weight = op.weight ?? (op.kind === "layer_norm" ? op.bias : undefined);
  const weights = weight === undefined ? op.group : program.weights[weight]!.shape[0]!;
  return { group: op.group, weights };
}

/** `add` and the norm of its result, as a whole, that follows. */
export interface AddNorm {
  readonly add: Add;
  readonly norm: Norm | LayerNorm;
}

/** The pair that begins with this op, if one does. */
export function addNormAt({ ops, buffers }: Program, index: number): AddNorm | undefined {
  const [add, norm] = [ops[index], ops[index + 1]];
  if (add?.kind !== "add" || (norm?.kind !== "norm" && norm?.kind !== "layer_norm")) return undefined;
  return norm.x === add.out && norm.group === buffers[norm.x]!.width ? { add, norm } : undefined;
}

/** Both by one kernel. The sum may have other readers: it is written, too. */
export function emitAddNorm({ add, norm }: AddNorm, lowering: Lowering): void {
  const bind = { a: lowering.slot(add.a), b: lowering.slot(add.b), sums: lowering.slot(add.out) };
  const centred = norm.kind === "layer_norm";
  const bias = lowering.vector(centred ? norm.bias : undefined);
  const params = { ...normParams(norm, lowering), centred: Number(centred), bias };
  perTeam(lowering, "add_norm", norm.out, bind, params);
}

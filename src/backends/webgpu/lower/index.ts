// Which file says what an op becomes.

import { DeadliftError } from "../../../error.js";
import type { Op, Program } from "../../../program/ops.js";
import type { Lowering } from "../lowering.js";
import { attentionOps } from "./attention.js";
import { expertOps } from "./experts.js";
import { mixtureOps } from "./mixtures.js";
import { addNormAt, emitAddNorm, normOps } from "./norms.js";
import { productOps } from "./products.js";
import { recurrentOps } from "./recurrent.js";
import { rowOps } from "./rows.js";
import { emitTurns, turnsAt } from "./turns.js";
import { valueOps } from "./values.js";

/** What each kind of op emits. */
export type Lowered = {
  readonly [Kind in Op["kind"]]?: (op: Extract<Op, { kind: Kind }>, lowering: Lowering) => void;
};

const all: Lowered = {
  ...{ ...valueOps, ...rowOps, ...normOps, ...mixtureOps },
  ...{ ...productOps, ...expertOps, ...attentionOps, ...recurrentOps },
};

/** Whether an op is emitted with the op before it. */
export function joinsLast(program: Program, index: number): boolean {
  return addNormAt(program, index - 1) !== undefined || turnsAt(program, index - 1) !== undefined;
}

/** Throws Internal for an op that nobody lowers. */
export function lower(lowering: Lowering): void {
  const { program } = lowering;
  for (const [index, op] of program.ops.entries()) {
    if (joinsLast(program, index)) continue;
    const pair = addNormAt(program, index);
    const turns = turnsAt(program, index);
    const emit = all[op.kind] as ((op: Op, lowering: Lowering) => void) | undefined;
    if (!emit) throw new DeadliftError("Internal", `the GPU backend has no kernel for ${op.kind}`);
    if (pair) emitAddNorm(pair, lowering);
    else if (turns) emitTurns(turns, lowering);
    else emit(op, lowering);
  }
}

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
import { emitThree, neighboursAt } from "./threes.js";
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

/** Whether an op may be emitted with the op before it: what they read and write must then be apart. */
export function joinsLast(program: Program, index: number): boolean {
  const before = index - 1;
  return (
    addNormAt(program, before) !== undefined ||
    turnsAt(program, before) !== undefined ||
    neighboursAt(program, before).length > 1
  );
}

/** Throws Internal for an op that nobody lowers. */
export function lower(lowering: Lowering): void {
  const { ops } = lowering.program;
  for (let index = 0; index < ops.length; ) index += lowerAt(index, lowering);
}

/** How many ops have been emitted, from this one on. */
function lowerAt(index: number, lowering: Lowering): number {
  const { program } = lowering;
  const op = program.ops[index]!;
  const emit = all[op.kind] as ((op: Op, lowering: Lowering) => void) | undefined;
  if (!emit) throw new DeadliftError("Internal", `the GPU backend has no kernel for ${op.kind}`);
  const pair = addNormAt(program, index);
  const turns = turnsAt(program, index);
  if (pair) emitAddNorm(pair, lowering);
  else if (turns) emitTurns(turns, lowering);
  if (pair || turns) return 2;
  const together = emitThree(neighboursAt(program, index), lowering);
  if (together === 0) emit(op, lowering);
  return Math.max(1, together);
}

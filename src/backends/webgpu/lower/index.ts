// Which file says what an op becomes.

import { DeadliftError } from "../../../error.js";
import type { Op } from "../../../program/ops.js";
import type { Lowering } from "../lowering.js";
import { attentionOps } from "./attention.js";
import { productOps } from "./products.js";
import { rowOps } from "./rows.js";

/** What each kind of op emits. */
export type Lowered = {
  readonly [Kind in Op["kind"]]?: (op: Extract<Op, { kind: Kind }>, lowering: Lowering) => void;
};

const all: Lowered = { ...rowOps, ...productOps, ...attentionOps };

/** Throws Internal for an op that nobody lowers. */
export function lower(lowering: Lowering): void {
  for (const op of lowering.program.ops) {
    const emit = all[op.kind] as ((op: Op, lowering: Lowering) => void) | undefined;
    if (!emit) throw new DeadliftError("Internal", `the GPU backend has no kernel for ${op.kind}`);
    emit(op, lowering);
  }
}

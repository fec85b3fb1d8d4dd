// Ops that need all of a row for each of its values, and those that make or choose rows.

import { poolings } from "../../../program/ops.js";
import type { Lowered } from "./index.js";
import { perTeam } from "./teams.js";
import { perValue } from "./values.js";

export const rowOps: Lowered = {
  select({ kind, out, x }, lowering) {
    perValue(lowering, kind, out, { x: lowering.slot(x) });
  },

  pool({ kind, out, x, pooling }, lowering) {
    perValue(lowering, kind, out, { x: lowering.slot(x) }, { pooling: poolings.indexOf(pooling) });
  },

  sparsify({ kind, out, x, factor }, lowering) {
    perTeam(lowering, kind, out, { x: lowering.slot(x) }, { factor });
  },

  softmax({ kind, out, x }, lowering) {
    perTeam(lowering, kind, out, { x: lowering.slot(x) }, {});
  },

  share({ kind, out, x, epsilon }, lowering) {
    perTeam(lowering, kind, out, { x: lowering.slot(x) }, { epsilon });
  },
};

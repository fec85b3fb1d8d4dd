// Ops that stand for several of ops.ts: made in fuse.ts only, which also says what each means.

import type { Activation, BufferId, GateActivation, WeightId } from "./ops.js";

export type FusedOp = LinearAct | LinearAdd | LinearGlu | ExpertGlu;

/** `linear` then `act`. */
export interface LinearAct {
  readonly kind: "linear_act";
  readonly out: BufferId;
  readonly x: BufferId;
  readonly weight: WeightId;
  readonly bias: WeightId | undefined;
  readonly activation: Activation;
}

/** `linear` then `add`. */
export interface LinearAdd {
  readonly kind: "linear_add";
  readonly out: BufferId;
  readonly x: BufferId;
  readonly weight: WeightId;
  readonly bias: WeightId | undefined;
  readonly residual: BufferId; // (width of out)
}

/** Two `linear` of the same x, then `glu`. */
export interface LinearGlu {
  readonly kind: "linear_glu";
  readonly out: BufferId;
  readonly x: BufferId;
  readonly gate: WeightId; // (width of out, width of x)
  readonly gateBias: WeightId | undefined;
  readonly up: WeightId; // (width of out, width of x)
  readonly upBias: WeightId | undefined;
  readonly activation: GateActivation;
}

/** Two `expert_linear` of the same x and experts, then `glu`. */
export interface ExpertGlu {
  readonly kind: "expert_glu";
  readonly out: BufferId; // (chosen * rows)
  readonly x: BufferId; // (chosen * columns) or (columns)
  readonly chosen: BufferId; // (chosen)
  readonly gate: WeightId; // (experts, rows, columns)
  readonly gateBias: WeightId | undefined; // (experts, rows)
  readonly up: WeightId; // (experts, rows, columns)
  readonly upBias: WeightId | undefined; // (experts, rows)
  readonly activation: GateActivation;
}

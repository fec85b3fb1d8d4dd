// Ops of mixtures: choosing experts, their products, and the sum of what they say.

import type { BufferId, WeightId } from "./ops.js";

export type ExpertOp = Softmax | Share | LimitGroups | Route | Gather | ExpertLinear | GroupLinear | Mix;

/** out[t, i] = e^x[t, i] / sum over j of e^x[t, j]. */
export interface Softmax {
  readonly kind: "softmax";
  readonly out: BufferId;
  readonly x: BufferId;
}

/** out[t, i] = x[t, i] / (sum over j of x[t, j] + epsilon). */
export interface Share {
  readonly kind: "share";
  readonly out: BufferId;
  readonly x: BufferId;
  readonly epsilon: number;
}

/**
 * Keeps the values of the `used` best of `groups` groups of neighbours; all others become `floor`. A group is as good as
 * the sum of its `best` largest values; of equal ones the first is taken.
 */
export interface LimitGroups {
  readonly kind: "limit_groups";
  readonly out: BufferId;
  readonly x: BufferId;
  readonly groups: number;
  readonly used: number;
  readonly best: number;
  readonly floor: number;
}

/**
 * Chooses experts: the numbers (whole, kept as f32) of the largest values of a row, the largest first, as many as `out`
 * is wide. Of equal ones the first is taken. How their weights follow from a router's logits is the architecture's word:
 * `softmax` and `gather` in the order it says.
 */
export interface Route {
  readonly kind: "route";
  readonly out: BufferId; // (chosen)
  readonly x: BufferId; // (experts)
}

/** out[t, i] = x[t, chosen[t, i]]. */
export interface Gather {
  readonly kind: "gather";
  readonly out: BufferId; // (chosen)
  readonly x: BufferId; // (experts)
  readonly chosen: BufferId; // (chosen)
}

/**
 * `linear` of each chosen expert: out[t, i, r] = sum over c of x[t, i, c] * weight[e, r, c], plus bias[e, r], with
 * e = chosen[t, i]. An x of only `columns` is the same for all i.
 */
export interface ExpertLinear {
  readonly kind: "expert_linear";
  readonly out: BufferId; // (chosen * rows)
  readonly x: BufferId; // (chosen * columns) or (columns)
  readonly chosen: BufferId; // (chosen)
  readonly weight: WeightId; // (experts, rows, columns)
  readonly bias: WeightId | undefined; // (experts, rows)
}

/** `linear` of each group of neighbours with a matrix of its own: out[t, g, r] = sum over c of x[t, g, c] * weight[g, r, c]. */
export interface GroupLinear {
  readonly kind: "group_linear";
  readonly out: BufferId; // (groups * rows)
  readonly x: BufferId; // (groups * columns)
  readonly weight: WeightId; // (groups, rows, columns)
}

/** out[t, c] = sum over i of weights[t, i] * x[t, i, c]. */
export interface Mix {
  readonly kind: "mix";
  readonly out: BufferId;
  readonly x: BufferId; // (chosen * width of out)
  readonly weights: BufferId; // (chosen)
}

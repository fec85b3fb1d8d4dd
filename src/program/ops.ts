// The instruction set: every op kind an architecture can record and a backend must run, with its meaning; by kinds in the
// files beside it.

import type { AttentionOp, Distances, KvLayer, Rope } from "./attention_ops.js";
import type { ExpertOp } from "./expert_ops.js";
import type { FusedOp } from "./fused_ops.js";
import type { RecurrentOp, State } from "./recurrent_ops.js";
import type { ValueOp } from "./value_ops.js";

export type * from "./attention_ops.js";
export type * from "./expert_ops.js";
export type * from "./fused_ops.js";
export type * from "./recurrent_ops.js";
export type * from "./value_ops.js";

/** Index of a buffer in `Program.buffers`. */
export type BufferId = number;
/** Index of a weight in `Program.weights`. */
export type WeightId = number;
/** Index of a rotary table in `Program.ropes`. */
export type RopeId = number;
/** Index in `Program.distances`. */
export type DistancesId = number;

/**
 * f32 values, `width` of them for each row. The rows are the tokens of the step, or only those tokens
 * whose output somebody wants (everything after `select`).
 */
export interface Buffer {
  readonly width: number;
  readonly rows: "tokens" | "outputs";
}

/** A weight by canonical name. Shape is outermost first: (rows, columns) for a matrix, (length) for a vector. */
export interface Weight {
  readonly name: string;
  readonly shape: readonly number[];
}

/** What of a token chooses its row of a table: the id, the position, or the segment (1: of the second text of a pair). */
export type EmbedIndex = "token" | "position" | "segment";

/** out[t] = table[index of t + offset]; beyond the table, its first row. */
export interface Embed {
  readonly kind: "embed";
  readonly out: BufferId;
  readonly table: WeightId; // (vocab, positions or segments; width of out)
  readonly index: EmbedIndex;
  readonly offset: number;
}

/** out[t, r] = sum over c of x[t, c] * weight[r, c], plus bias[r]. */
export interface Linear {
  readonly kind: "linear";
  readonly out: BufferId;
  readonly x: BufferId;
  readonly weight: WeightId; // (width of out, width of x)
  readonly bias: WeightId | undefined; // (width of out)
}

/**
 * Root mean square norm of each group of `group` neighbours of a row: out = x / sqrt(mean(x^2) + epsilon) * (weight +
 * offset), without the weight where there is none. A group is the whole row, or one head (query and key norms). Weights
 * are those of a group, the same for all, or of a row.
 */
export interface Norm {
  readonly kind: "norm";
  readonly out: BufferId;
  readonly x: BufferId;
  readonly weight: WeightId | undefined; // (group) or (width of x)
  readonly group: number;
  readonly epsilon: number;
  /** 1 where files hold what a weight is more than 1. */
  readonly offset: number;
}

/** The same of deviations from the mean: out = (x - mean) / sqrt(mean((x - mean)^2) + epsilon) * (weight + offset) + bias. */
export interface LayerNorm {
  readonly kind: "layer_norm";
  readonly out: BufferId;
  readonly x: BufferId;
  readonly weight: WeightId | undefined; // (group) or (width of x)
  readonly bias: WeightId | undefined; // as weight
  readonly group: number;
  readonly epsilon: number;
  readonly offset: number;
}

/**
 * How the rows of a span become one: its first or last, the largest of each value, or their sum divided by their number
 * (mean), by its root (mean_sqrt), or with the weights 1, 2, 3 ... by the sum of those (weighted_mean).
 */
export const poolings = ["first", "last", "max", "mean", "mean_sqrt", "weighted_mean"] as const;
export type Pooling = (typeof poolings)[number];

/** One row for each output: of all tokens that its sequence has in this step. */
export interface Pool {
  readonly kind: "pool";
  readonly out: BufferId;
  readonly x: BufferId;
  readonly pooling: Pooling;
}

/** Keeps the rows whose output is wanted, in the order of `Batch.outputs`. */
export interface Select {
  readonly kind: "select";
  readonly out: BufferId;
  readonly x: BufferId;
}

export type Op =
  | Embed
  | Linear
  | Norm
  | LayerNorm
  | Pool
  | Select
  | ValueOp
  | AttentionOp
  | ExpertOp
  | RecurrentOp
  | FusedOp;

/** A recorded model: a flat list of ops over numbered buffers. Recorded once, fused, printed, compiled by a backend. */
export interface Program {
  readonly ops: readonly Op[];
  readonly buffers: readonly Buffer[];
  readonly weights: readonly Weight[];
  readonly ropes: readonly Rope[];
  readonly distances: readonly Distances[];
  readonly layers: readonly KvLayer[];
  readonly states: readonly State[];
  /** The buffer that holds the result: logits, (outputs, vocab). */
  readonly output: BufferId;
}

/** The buffers an op reads. */
export function inputs(op: Op): readonly BufferId[] {
  switch (op.kind) {
    case "embed":
      return [];
    case "attend":
      return [op.q, op.k, op.v, op.byQuery, op.byKey].filter((id) => id !== undefined);
    case "glu":
      return [op.gate, op.up];
    case "add":
    case "mul":
    case "concat":
      return [op.a, op.b];
    case "linear_add":
      return [op.x, op.residual];
    case "gather":
    case "expert_linear":
    case "expert_glu":
      return [op.x, op.chosen];
    case "mix":
      return [op.x, op.weights];
    case "delta":
      return [op.q, op.k, op.v, op.step, op.beta];
    case "scan":
      return [op.x, op.step, op.b, op.c];
    default:
      return [op.x];
  }
}

// The instruction set: every op kind an architecture can record and a backend must run, with its meaning.

import type { FusedOp } from "./fused_ops.js";
import type { RecurrentOp, State } from "./recurrent_ops.js";

export type { ExpertGlu, FusedOp, LinearAdd, LinearGlu } from "./fused_ops.js";
export type { Delta, RecurrentOp, Scan, ShortConv, State, StateId } from "./recurrent_ops.js";

/** Index of a buffer in `Program.buffers`. */
export type BufferId = number;
/** Index of a weight in `Program.weights`. */
export type WeightId = number;
/** Index of a rotary table in `Program.ropes`. */
export type RopeId = number;

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

/**
 * Rotary embedding: the angle of pair `i` at a position is `position * frequencies[i]`, rounded to f32 as
 * Python's transformers does; cosine and sine are multiplied by `magnitude` (1 except for YaRN).
 */
export interface Rope {
  readonly frequencies: Float32Array; // (rotary / 2)
  readonly magnitude: number;
  /** Which two values of a head turn together: (i, i + rotary/2) or (2i, 2i + 1). */
  readonly layout: "half" | "pairs";
}

/** What one `attend` keeps of every token: keys and values of `kvHeads * headDim` each. */
export interface KvLayer {
  readonly kvHeads: number;
  readonly headDim: number;
}

/**
 * What a gated unit makes of gate and up. "silu": silu(gate) * up, with silu(x) = x / (1 + e^-x). "clamped_swish", of
 * gpt-oss: with gate at most 7 and up within -7 and 7, gate / (1 + e^(-1.702 gate)) * (up + 1).
 */
export type Activation = "silu" | "clamped_swish";

/** out[t] = table[token of t]. */
export interface Embed {
  readonly kind: "embed";
  readonly out: BufferId;
  readonly table: WeightId; // (vocab, width of out)
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
 * Root mean square norm of each group of `n = length of weight` neighbours of a row:
 * out = x / sqrt(mean(x^2) + epsilon) * weight. A group is the whole row, or one head (query and key norms).
 */
export interface Norm {
  readonly kind: "norm";
  readonly out: BufferId;
  readonly x: BufferId;
  readonly weight: WeightId;
  readonly epsilon: number;
}

/**
 * Turns the first `2 * frequencies.length` values of each head of `headDim` by the token's position; the others pass.
 * With (a, b) a pair: a' = a cos - b sin, b' = b cos + a sin.
 */
export interface RopeOp {
  readonly kind: "rope";
  readonly out: BufferId;
  readonly x: BufferId;
  readonly rope: RopeId;
  readonly headDim: number;
}

/**
 * Causal attention of each token over its own sequence. First k and v of the step's tokens are stored in the layer's
 * pages, then for query head h (sharing key head floor(h * kvHeads / heads)):
 * out[t, h] = sum over j of softmax_j(scale * q[t, h] . k[j]) * v[j], over the positions j with
 * position(t) - window < j <= position(t). A sink is one more logit of a head's softmax, and has no value.
 */
export interface Attend {
  readonly kind: "attend";
  readonly out: BufferId; // (heads * headDim)
  readonly q: BufferId; // (heads * headDim)
  readonly k: BufferId; // (kvHeads * headDim)
  readonly v: BufferId; // (kvHeads * headDim)
  /** Index into `Program.layers`: whose pages. */
  readonly layer: number;
  readonly heads: number;
  readonly scale: number;
  /** Sliding window in tokens, the token itself included; undefined sees everything before it. */
  readonly window: number | undefined;
  readonly sinks: WeightId | undefined; // (heads)
}

export interface Glu {
  readonly kind: "glu";
  readonly out: BufferId;
  readonly gate: BufferId;
  readonly up: BufferId;
  readonly activation: Activation;
}

/** out = a + b. */
export interface Add {
  readonly kind: "add";
  readonly out: BufferId;
  readonly a: BufferId;
  readonly b: BufferId;
}

/** out[t, i] = e^x[t, i] / sum over j of e^x[t, j]. */
export interface Softmax {
  readonly kind: "softmax";
  readonly out: BufferId;
  readonly x: BufferId;
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

/** out[t, c] = sum over i of weights[t, i] * x[t, i, c]. */
export interface Mix {
  readonly kind: "mix";
  readonly out: BufferId;
  readonly x: BufferId; // (chosen * width of out)
  readonly weights: BufferId; // (chosen)
}

/** out = log(1 + e^(x + bias)), at least `least` and at most `most`: how far a state moves on with a token. */
export interface Softplus {
  readonly kind: "softplus";
  readonly out: BufferId;
  readonly x: BufferId;
  readonly bias: WeightId | undefined; // (width of out)
  readonly least: number;
  readonly most: number;
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
  | RopeOp
  | Attend
  | Glu
  | Add
  | Softmax
  | Route
  | Gather
  | ExpertLinear
  | Mix
  | Softplus
  | RecurrentOp
  | Select
  | FusedOp;

/** A recorded model: a flat list of ops over numbered buffers. Recorded once, fused, printed, compiled by a backend. */
export interface Program {
  readonly ops: readonly Op[];
  readonly buffers: readonly Buffer[];
  readonly weights: readonly Weight[];
  readonly ropes: readonly Rope[];
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
      return [op.q, op.k, op.v];
    case "glu":
      return [op.gate, op.up];
    case "add":
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

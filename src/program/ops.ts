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

/**
 * What scores gain by the distance d = j - position(t) of a key j from its query, for each head h: table[buckets[d + reach], h],
 * or -slopes[h] * |d|. What is farther than `reach` counts as if it were there. By numbers, what they gain is the tokens' own
 * matter (Attend.byQuery, byKey).
 */
export type Distances =
  | {
      readonly kind: "table";
      readonly table: WeightId; // (buckets, heads)
      readonly buckets: Int32Array; // (2 * reach + 1)
    }
  | { readonly kind: "slopes"; readonly slopes: Float32Array; readonly reach: number } // (heads)
  | { readonly kind: "numbers"; readonly numbers: Int32Array }; // (2 * reach + 1)

/** What one `attend` keeps of every token: keys of `kvHeads * headDim`, values of `kvHeads * valueDim`. */
export interface KvLayer {
  readonly kvHeads: number;
  readonly headDim: number;
  readonly valueDim: number;
}

/**
 * Functions of one value. silu: x / (1 + e^-x); gelu: x (1 + erf(x / sqrt 2)) / 2; gelu_tanh: its approximation
 * x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))) / 2; gelu_quick: x / (1 + e^(-1.702 x)); relu: max(x, 0); relu2: its
 * square; sigmoid: 1 / (1 + e^-x); tanh.
 */
export type Activation = "silu" | "gelu" | "gelu_tanh" | "gelu_quick" | "relu" | "relu2" | "sigmoid" | "tanh";

/**
 * What a gated unit makes of gate and up: activation(gate) * up. "clamped_swish", of gpt-oss: with gate at most 7 and up
 * within -7 and 7, gate / (1 + e^(-1.702 gate)) * (up + 1).
 */
export type GateActivation = Activation | "clamped_swish";

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

/** `linear` of each group of neighbours with a matrix of its own: out[t, g, r] = sum over c of x[t, g, c] * weight[g, r, c]. */
export interface GroupLinear {
  readonly kind: "group_linear";
  readonly out: BufferId; // (groups * rows)
  readonly x: BufferId; // (groups * columns)
  readonly weight: WeightId; // (groups, rows, columns)
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
 * Attention of each token over its own sequence. First k and v of the step's tokens are stored in the layer's
 * pages, then for query head h (sharing key head floor(h * kvHeads / heads)):
 * out[t, h] = sum over j of softmax_j(scale * q[t, h] . k[j]) * v[j], over the positions j with
 * position(t) - window < j <= position(t), or, where it is not causal, position(t) - window < j < position(t) + window of
 * those that the step's tokens and earlier ones have. With a softcap, logits are softcap * tanh(logit / softcap); then their
 * distances are added. A sink is one more logit of a head's softmax, and has no value.
 */
export interface Attend {
  readonly kind: "attend";
  readonly out: BufferId; // (heads * valueDim)
  readonly q: BufferId; // (heads * headDim)
  readonly k: BufferId | undefined; // (kvHeads * headDim), undefined: what an earlier op of this layer has stored
  readonly v: BufferId | undefined; // (kvHeads * valueDim)
  /** Index into `Program.layers`: whose pages. */
  readonly layer: number;
  readonly heads: number;
  readonly scale: number;
  readonly causal: boolean;
  /** Sliding window in tokens, the token itself included; undefined sees everything. */
  readonly window: number | undefined;
  readonly softcap: number | undefined;
  readonly distances: DistancesId | undefined;
  /**
   * Before they are scaled, scores gain byQuery[t, h, n] + byKey[j, h, n], with n the number of the distance; of keys of
   * earlier steps byQuery only.
   */
  readonly byQuery: BufferId | undefined; // (heads * numbers)
  readonly byKey: BufferId | undefined; // (heads * numbers)
  readonly sinks: WeightId | undefined; // (heads)
}

export interface Glu {
  readonly kind: "glu";
  readonly out: BufferId;
  readonly gate: BufferId;
  readonly up: BufferId;
  readonly activation: GateActivation;
}

/**
 * What each head of a token makes of the rows of a table: out[t, h, n] = sum over d of x[t, h, d] * r[n, h, d], with r =
 * table * weight + bias (as in `linear`), and the rows of the table normed before, as in `layer_norm`, where there is a
 * norm.
 */
export interface RowScores {
  readonly kind: "row_scores";
  readonly out: BufferId; // (heads * rows of the table)
  readonly x: BufferId; // (heads * headDim)
  readonly table: WeightId; // (rows, columns)
  readonly norm: WeightId | undefined; // (columns)
  readonly normBias: WeightId | undefined; // (columns)
  readonly epsilon: number;
  readonly weight: WeightId; // (heads * headDim, columns)
  readonly bias: WeightId | undefined; // (heads * headDim)
  readonly headDim: number;
}

/** out = activation(x). */
export interface Act {
  readonly kind: "act";
  readonly out: BufferId;
  readonly x: BufferId;
  readonly activation: Activation;
}

/**
 * With p = ln(1 + e^p[0]) and n = 1/2 + ln(1 + e^n[0]): for x > 0 p x^2 + x / 2, else n (e^x - 1 - x) + x / 2. Source:
 * arXiv 2411.13010.
 */
export interface Xielu {
  readonly kind: "xielu";
  readonly out: BufferId;
  readonly x: BufferId;
  readonly p: WeightId; // (1)
  readonly n: WeightId; // (1)
}

/** out = a + b. */
export interface Add {
  readonly kind: "add";
  readonly out: BufferId;
  readonly a: BufferId;
  readonly b: BufferId;
}

/** out[t, i] = a[t, i] * b[t, floor(i * width of b / width of a)]: b has a value for each of a, or for each group of them. */
export interface Mul {
  readonly kind: "mul";
  readonly out: BufferId;
  readonly a: BufferId;
  readonly b: BufferId;
}

/** out = x * factor. */
export interface Scale {
  readonly kind: "scale";
  readonly out: BufferId;
  readonly x: BufferId;
  readonly factor: number;
}

/** out[t] = x[t] + weight. */
export interface Shift {
  readonly kind: "shift";
  readonly out: BufferId;
  readonly x: BufferId;
  readonly weight: WeightId; // (width of x)
}

/** out[t, i] = x[t, i] * weight[i], or times the only value of the weight. */
export interface Gain {
  readonly kind: "gain";
  readonly out: BufferId;
  readonly x: BufferId;
  readonly weight: WeightId; // (width of x) or (1)
}

/** out = cap * tanh(x / cap). */
export interface Softcap {
  readonly kind: "softcap";
  readonly out: BufferId;
  readonly x: BufferId;
  readonly cap: number;
}

/** out = min(max(x, -cap), cap). */
export interface Clamp {
  readonly kind: "clamp";
  readonly out: BufferId;
  readonly x: BufferId;
  readonly cap: number;
}

/** out[t, i] = max(x[t, i] - (mean + factor * standard deviation of x[t]), 0). */
export interface Sparsify {
  readonly kind: "sparsify";
  readonly out: BufferId;
  readonly x: BufferId;
  readonly factor: number;
}

/** out[t] = x[t] * (1 + scale * ln(1 + floor(position(t) / length))): queries of far positions are sharper. */
export interface Temper {
  readonly kind: "temper";
  readonly out: BufferId;
  readonly x: BufferId;
  readonly scale: number;
  readonly length: number;
}

/** Part of each group of `stride` neighbours, (groups * width): out[t, g, i] = x[t, g, from + i]. */
export interface Slice {
  readonly kind: "slice";
  readonly out: BufferId; // (groups * width)
  readonly x: BufferId; // (groups * stride)
  readonly from: number;
  readonly stride: number;
}

/** Group by group one after another: out[t, g] = a[t, g] then b[t, g]. A b of one group is the same for all. */
export interface Concat {
  readonly kind: "concat";
  readonly out: BufferId;
  readonly a: BufferId; // (groups * width of a's)
  readonly b: BufferId; // (groups * width of b's) or (width of b's)
  readonly groups: number;
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
  | GroupLinear
  | Norm
  | LayerNorm
  | RopeOp
  | Attend
  | RowScores
  | Glu
  | Act
  | Xielu
  | Add
  | Mul
  | Scale
  | Shift
  | Gain
  | Softcap
  | Clamp
  | Sparsify
  | Temper
  | Slice
  | Concat
  | Softmax
  | Share
  | LimitGroups
  | Route
  | Gather
  | ExpertLinear
  | Mix
  | Softplus
  | RecurrentOp
  | Pool
  | Select
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

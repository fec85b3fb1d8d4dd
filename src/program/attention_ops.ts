// Ops of attention: what turns queries and keys, what scores gain by distance, what is kept.

import type { BufferId, DistancesId, RopeId, WeightId } from "./ops.js";

export type AttentionOp = RopeOp | Attend | RowScores | Temper;

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

/** out[t] = x[t] * (1 + scale * ln(1 + floor(position(t) / length))): queries of far positions are sharper. */
export interface Temper {
  readonly kind: "temper";
  readonly out: BufferId;
  readonly x: BufferId;
  readonly scale: number;
  readonly length: number;
}

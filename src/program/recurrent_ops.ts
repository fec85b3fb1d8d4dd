// Ops that carry a state from token to token of a sequence, instead of looking at all tokens before: part of ops.ts.

import type { BufferId, WeightId } from "./ops.js";

/** Index of a state in `Program.states`. */
export type StateId = number;

/** What one recurrent op keeps of a sequence, however long it is: so many f32 values, zeros before the first token. */
export interface State {
  readonly values: number;
}

export type RecurrentOp = ShortConv | Delta | Scan;

/**
 * Causal convolution of each channel with taps of its own: out[t, c] = bias[c] + sum over i of weight[c, i] *
 * x[t - taps + 1 + i, c]. State: the inputs of the last taps - 1 tokens.
 */
export interface ShortConv {
  readonly kind: "short_conv";
  readonly out: BufferId; // (channels)
  readonly x: BufferId; // (channels)
  readonly weight: WeightId; // (channels, taps)
  readonly bias: WeightId | undefined; // (channels)
  readonly state: StateId;
}

/**
 * Gated delta rule (Yang 2024). Each head has a matrix S (keyDim, valueDim), and shares a query and a key with its
 * neighbours: head h has those of key head floor(h * keyHeads / heads); or key heads take turns: of h modulo keyHeads.
 * For each token, one after another:
 * S *= e^(step[h] * rate[h]); S += k (beta[h] * (v[h] - k S)); out[h] = q S.
 */
export interface Delta {
  readonly kind: "delta";
  readonly out: BufferId; // (heads * valueDim)
  readonly q: BufferId; // (keyHeads * keyDim)
  readonly k: BufferId; // (keyHeads * keyDim)
  readonly v: BufferId; // (heads * valueDim)
  readonly step: BufferId; // (heads)
  readonly beta: BufferId; // (heads)
  readonly rates: WeightId; // (heads)
  /** The weight holds log(-rate). */
  readonly logRates: boolean;
  readonly keyHeads: number;
  readonly keysInTurn: boolean;
  readonly state: StateId; // (heads, keyDim, valueDim)
}

/**
 * Selective state space (Gu 2023, Dao 2024). Each head has a matrix S (stateDim, headDim) and shares b and c with its
 * neighbours: head h has those of group floor(h * groups / heads). For each token, one after another:
 * S[n] = e^(step[h] * rate[h, n]) * S[n] + step[h] * b[n] * x[h]; out[h] = sum over n of c[n] * S[n], plus skip[h] * x[h].
 */
export interface Scan {
  readonly kind: "scan";
  readonly out: BufferId; // (heads * headDim)
  readonly x: BufferId; // (heads * headDim)
  readonly step: BufferId; // (heads)
  readonly b: BufferId; // (groups * stateDim)
  readonly c: BufferId; // (groups * stateDim)
  /** One for each head; or, where heads are of one value, for each of their states. */
  readonly rates: WeightId; // (heads) or (heads, stateDim)
  /** The weight holds log(-rate). */
  readonly logRates: boolean;
  readonly skip: WeightId; // (heads)
  readonly groups: number;
  readonly state: StateId; // (heads, stateDim, headDim), or (stateDim, heads)
}

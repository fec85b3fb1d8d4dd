// What a model's recurrent layers are made of: part of config.ts.

import type { Activation } from "./ops.js";

/** Factors of Falcon-H1: of what goes into its mixers and networks, of what comes out, and of parts between. */
export interface Multipliers {
  readonly attentionIn: number;
  readonly attentionOut: number;
  readonly key: number;
  readonly in: number;
  readonly out: number;
  readonly gate: number;
  readonly value: number;
  readonly write: number;
  readonly read: number;
  readonly step: number;
  readonly ffnGate: number;
  readonly ffnOut: number;
}

/** What a layer does that is one thing only. */
export type LayerKind = "state" | "attention" | "network" | "experts";

/** Layers that carry a state from token to token, instead of attention or beside it. */
export interface Recurrent {
  /** Those that do. (layers) */
  readonly layers: readonly boolean[];
  /** Of the convolution that their inputs pass, and what follows it. */
  readonly taps: number;
  readonly activation: Activation;
  readonly heads: number;
  readonly headDim: number;
  /** Groups of heads that share what is written and read (keys and queries of a delta rule). */
  readonly groups: number;
  /** Rows of a head's state: its numbers for each value, or the width of a key. */
  readonly stateDim: number;
  /** Width between hidden states and steps, where those take two matrices. */
  readonly rank: number;
  /** Bounds of steps. */
  readonly least: number;
  readonly most: number;
  /** Steps, and what is written and read, have norms with this epsilon, and no weights. */
  readonly selectionEpsilon: number | undefined;
  /** What becomes of the result: a norm of each group, and a gate. */
  readonly norm: "after gate" | "before gate" | "none";
  readonly bias: { readonly taps: boolean; readonly in: boolean; readonly out: boolean };
  /** Key heads take turns; else neighbouring heads share one. */
  readonly keysInTurn: boolean;
  /** One matrix, key head by key head: of queries, keys, values and gates; of shares and steps. */
  readonly joined: { readonly inputs: boolean; readonly steps: boolean };
  /** Files hold log(-rate). */
  readonly logRates: boolean;
  readonly multipliers: Multipliers;
  /** Where each layer is one thing only, what. (layers) */
  readonly kinds: readonly LayerKind[];
  /** Of networks without gates. */
  readonly network: Activation;
  /** Width that experts see, where it is not that of the model; 0: it is. */
  readonly latent: number;
}

const ones: Multipliers = {
  attentionIn: 1,
  attentionOut: 1,
  key: 1,
  in: 1,
  out: 1,
  gate: 1,
  value: 1,
  write: 1,
  read: 1,
  step: 1,
  ffnGate: 1,
  ffnOut: 1,
};

export const noRecurrence: Recurrent = {
  layers: [],
  taps: 1,
  activation: "silu",
  heads: 1,
  headDim: 1,
  groups: 1,
  stateDim: 1,
  rank: 1,
  least: 0,
  most: Number.POSITIVE_INFINITY,
  selectionEpsilon: undefined,
  norm: "after gate",
  bias: { taps: false, in: false, out: false },
  keysInTurn: false,
  joined: { inputs: false, steps: false },
  logRates: true,
  multipliers: ones,
  kinds: [],
  network: "relu2",
  latent: 0,
};

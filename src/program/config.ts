// What a model is, in one vocabulary, whichever format it came from. formats/ fills it, architectures/ read it.

import type { Activation } from "./ops.js";

/** How positions turn queries and keys, before it becomes a table of frequencies (program/rope.ts). */
export interface RopeConfig {
  /** Base of the geometric series of wavelengths. */
  readonly theta: number;
  /** How many values of a head turn; the rest pass. */
  readonly dims: number;
  readonly layout: "half" | "pairs";
  readonly scaling: RopeScaling | undefined;
  /** Divides each frequency (GGUF `rope_freqs.weight`), (dims / 2). */
  readonly factors: Float32Array | undefined;
}

export type RopeScaling =
  | { readonly type: "linear"; readonly factor: number }
  | {
      readonly type: "llama3";
      readonly factor: number;
      readonly lowFreqFactor: number;
      readonly highFreqFactor: number;
      readonly originalContextLength: number;
    }
  | {
      readonly type: "yarn";
      readonly factor: number;
      readonly originalContextLength: number;
      readonly betaFast: number;
      readonly betaSlow: number;
      /** Multiplies cosine and sine; undefined means 0.1 ln(factor) + 1. */
      readonly attentionFactor: number | undefined;
      readonly truncate: boolean;
    };

export interface Config {
  /** Canonical architecture name, a key of architectures/index.ts: "llama", "qwen2", "qwen3", ... */
  readonly architecture: string;
  readonly dim: number;
  readonly ffn: number;
  readonly heads: number;
  readonly kvHeads: number;
  readonly headDim: number;
  readonly layers: number;
  readonly vocab: number;
  /** Longest sequence the model was made for, in tokens. */
  readonly contextLength: number;
  readonly normEpsilon: number;
  readonly activation: Activation;
  /** Feed-forward networks of which each token uses some; `count` 0: there is one, and all use it. */
  readonly experts: {
    readonly count: number;
    readonly used: number;
    readonly ffn: number;
  };
  readonly rope: RopeConfig;
  /** Sliding window of each layer in tokens, the token itself included; undefined sees everything. (layers) */
  readonly windows: readonly (number | undefined)[];
  readonly bias: {
    readonly qkv: boolean;
    readonly attentionOutput: boolean;
    readonly ffn: boolean;
  };
  /** The output matrix is the embedding table. */
  readonly tiedOutput: boolean;
  /** Special token ids as the model's files state them. `eos` ends a turn: any of them. */
  readonly tokens: {
    readonly bos: number | undefined;
    readonly eos: readonly number[];
    readonly pad: number | undefined;
  };
}

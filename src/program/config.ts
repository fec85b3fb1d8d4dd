// What a model is, in one vocabulary, whichever format it came from. formats/ fills it, architectures/ read it.

import type { Activation, Pooling } from "./ops.js";
import { noRecurrence, type Recurrent } from "./recurrent_config.js";

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
    }
  | {
      readonly type: "longrope";
      /** Divide the frequencies of contexts of at most the original length, and of longer ones. (dims / 2) */
      readonly short: readonly number[];
      readonly long: readonly number[];
      readonly originalContextLength: number;
      /** Multiplies cosine and sine. */
      readonly attentionFactor: number;
    };

/** How queries grow with their position: Llama 4's scaling. */
export interface TemperConfig {
  readonly scale: number;
  /** In tokens: from one step to the next. */
  readonly length: number;
}

/** Feed-forward networks of which each token uses some. */
export interface Experts {
  /** 0: there is one network, and all use it. */
  readonly count: number;
  readonly used: number;
  readonly ffn: number;
  /** Width of the network that all tokens use beside them; 0: there is none. */
  readonly shared: number;
  /** Layers that have them; the others have one network. (layers) */
  readonly layers: readonly boolean[];
  /** The weights of the chosen ones are made to sum to 1, and multiplied with the scale. */
  readonly share: boolean;
  readonly scale: number;
  /** Groups of neighbouring experts, and how many of them a token may use. */
  readonly groups: number;
  readonly groupsUsed: number;
}

/**
 * Attention whose keys and values come from one narrow vector of a token, the latent. A head is `passDim` values that do not
 * turn and `headDim` that do, and its values are `valueDim` wide.
 */
export interface Latent {
  /** Queries come from a vector of this width, too; undefined: they do not. */
  readonly queryRank: number | undefined;
  readonly rank: number;
  readonly passDim: number;
  readonly valueDim: number;
  /** Of the norms of both. */
  readonly epsilon: number;
  /** Only the latent is kept: keys and values of heads are never made. */
  readonly absorbed: boolean;
}

export const noExperts: Experts = {
  count: 0,
  used: 0,
  ffn: 0,
  shared: 0,
  layers: [],
  share: false,
  scale: 1,
  groups: 1,
  groupsUsed: 1,
};

/** One layer on top of the hidden states: a matrix and what follows it. */
export interface HeadLayer {
  /** Canonical name; its bias is `${weight}.bias`. */
  readonly weight: string;
  readonly width: number;
  readonly bias: boolean;
  readonly activation: Activation | undefined;
  /** Canonical name of the layer norm after it. */
  readonly norm: string | undefined;
}

/** What a model makes of its last hidden states. */
export interface Head {
  /**
   * next: logits of the token after each; masked: of the token in its place; hidden: the states; embedding: a vector of the
   * text; classes: logits of the text's labels; token_classes: of each token's.
   */
  readonly kind: "next" | "masked" | "hidden" | "embedding" | "classes" | "token_classes";
  /** How the states of a text become one; undefined: each token has its own. */
  readonly pooling: Pooling | undefined;
  /** Layers come before the pooling. */
  readonly late: boolean;
  /** One after another; of classes the last one gives the logits. */
  readonly layers: readonly HeadLayer[];
  /** Vectors are meant to have length 1. */
  readonly normalize: boolean;
  /** Of classes, in the order of the logits. */
  readonly labels: readonly string[];
  /** How logits of classes become scores: sigmoid where labels do not exclude each other, none of a regression. */
  readonly scores: "softmax" | "sigmoid" | "none";
}

export const nextHead: Head = {
  kind: "next",
  pooling: undefined,
  late: false,
  layers: [],
  normalize: false,
  labels: [],
  scores: "none",
};

/** What encoders have besides. */
export interface EncoderConfig {
  /** Width of the embedding tables. */
  readonly embedding: number;
  /** A matrix makes dim of it. */
  readonly projects: boolean;
  /** Sets of weights, each of which as many neighbouring layers share. */
  readonly groups: number;
  /** Rows of the table of positions, whose first `skipped` rows are nobody's; 0: there is none. */
  readonly positions: number;
  readonly skipped: number;
  /** Rows of the table of segments; 0: there is none. */
  readonly segments: number;
  /** Layer norms have biases. */
  readonly normBias: boolean;
  /** Feed-forward networks have gates, where a family has them or not. */
  readonly gated: boolean;
  /** Scores gain by distance, by a table of `count` rows (program/buckets.ts). */
  readonly distances: { readonly count: number; readonly reach: number } | undefined;
  readonly disentangled: DisentangledConfig | undefined;
}

/** Queries meet the distances of keys, and keys those of queries: a table has a row for each (program/buckets.ts). */
export interface DisentangledConfig {
  /** Rows of either side. */
  readonly span: number;
  readonly reach: number;
  /** Far distances share rows; else each has its own. */
  readonly shared: boolean;
  /** The table's rows are normed. */
  readonly normed: boolean;
  /** They meet the matrices of keys and queries, else matrices of their own. */
  readonly sameMatrices: boolean;
  readonly byQuery: boolean;
  readonly byKey: boolean;
}

/** What Gemma 4 has besides. */
export interface Gemma4Config {
  /** Of layers with windows. */
  readonly localHeadDim: number;
  readonly localKvHeads: number;
  /** In layers without windows, keys that are neither normed nor turned are the values. */
  readonly keysAreValues: boolean;
  /** Width of the feed-forward networks of layers that use keys and values of others. */
  readonly sharingFfn: number;
}

/** What Gemma 3n has besides. */
export interface Gemma3nConfig {
  /** Of states, which layers pass on together. */
  readonly streams: number;
  /** Width of the narrow way beside attention. */
  readonly laurelRank: number;
  /** Gates count from so many standard deviations on; undefined: all of them. (layers) */
  readonly sparsity: readonly (number | undefined)[];
  /** The first stream is scaled before it chooses from the vectors of a layer. */
  readonly scaled: boolean;
}

/** What most models have. */
export const plain = {
  head: nextHead,
  normOffset: 0,
  scales: { embedding: 1, residual: 1, attention: undefined },
  attentionSoftcap: undefined,
  experts: noExperts,
  recurrent: noRecurrence,
  latent: undefined,
  localRope: undefined,
  temper: undefined,
  qkvCap: undefined,
  qkvByHead: false,
  headNorms: false,
  parallel: false,
  sharing: 0,
  perLayer: { width: 0, vocab: 0 },
  gemma4: undefined,
  gemma3n: undefined,
  opt: undefined,
  bias: { qkv: false, attentionOutput: false, ffn: false },
  output: { bias: false, scale: 1, softcap: undefined },
  causal: true,
  encoder: undefined,
} as const;

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
  /** Added to the weights of norms: 1 where files hold what they are more than 1. */
  readonly normOffset: number;
  readonly activation: Activation;
  /** What embeddings, the results of each half layer, and scores are multiplied with; undefined: 1 / sqrt(headDim). */
  readonly scales: { readonly embedding: number; readonly residual: number; readonly attention: number | undefined };
  readonly attentionSoftcap: number | undefined;
  readonly experts: Experts;
  readonly recurrent: Recurrent;
  readonly latent: Latent | undefined;
  readonly rope: RopeConfig;
  /** Of layers with a window, where it is another one. */
  readonly localRope: RopeConfig | undefined;
  readonly temper: TemperConfig | undefined;
  /** Queries, keys and values are kept within it. */
  readonly qkvCap: number | undefined;
  /** Where q, k and v are one matrix, a head's rows of each follow each other. */
  readonly qkvByHead: boolean;
  /** Queries and keys are normed head by head, where some models of an architecture do so. */
  readonly headNorms: boolean;
  /** Both halves of a layer read the same states, where some models of an architecture do so. */
  readonly parallel: boolean;
  /** So many of the last layers use keys and values of the last one of their kind before them. */
  readonly sharing: number;
  /** Vectors that each layer is given of each token: their width (0: none), and the ids that have some. */
  readonly perLayer: { readonly width: number; readonly vocab: number };
  readonly gemma4: Gemma4Config | undefined;
  readonly gemma3n: Gemma3nConfig | undefined;
  /** Of OPT of 350 M parameters: the width of embeddings. */
  readonly opt: { readonly wordDim: number } | undefined;
  /** Layers that turn queries and keys. (layers) */
  readonly turns: readonly boolean[];
  /** Sliding window of each layer in tokens, the token itself included; undefined sees everything. (layers) */
  readonly windows: readonly (number | undefined)[];
  readonly bias: {
    readonly qkv: boolean;
    readonly attentionOutput: boolean;
    readonly ffn: boolean;
  };
  /** The output matrix is the embedding table. */
  readonly tiedOutput: boolean;
  /** How logits come from the output matrix: plus a bias, times the scale, under a softcap. */
  readonly output: { readonly bias: boolean; readonly scale: number; readonly softcap: number | undefined };
  readonly head: Head;
  /** Tokens see no later ones. */
  readonly causal: boolean;
  readonly encoder: EncoderConfig | undefined;
  /** Special token ids as the model's files state them. `eos` ends a turn: any of them. */
  readonly tokens: {
    readonly bos: number | undefined;
    readonly eos: readonly number[];
    readonly pad: number | undefined;
  };
}

// What inspection tells of a model: its shapes, and nothing that makes them.

import type { KvType } from "../backends/backend.js";
import type { HubOptions } from "../hub/settings.js";
import type { Config } from "../program/config.js";
import type { Program } from "../program/ops.js";

export interface InspectOptions extends HubOptions {
  /** Tokens of context the memory plan is for; default: what the model was made for. */
  readonly contextSize?: number | undefined;
  /** How keys and values are kept there; default: as loadModel does. */
  readonly kvType?: KvType | undefined;
  /** Branch, tag or commit; default: what the name says after "@", else "main". */
  readonly revision?: string | undefined;
  /** "Q4_K_M": the GGUF of that quant; the same as ":Q4_K_M" after the name. */
  readonly quant?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** What the memory plan is for. */
export type PlanOptions = Pick<InspectOptions, "contextSize" | "kvType">;

/** Bytes, for one session of `contextSize` tokens. */
export interface MemoryPlan {
  readonly contextSize: number;
  /**
   * Mapped from the files: may be given back and read again under pressure. Those of quantised checkpoints as they are
   * after repacking, in memory.
   */
  readonly weights: number;
  /** 0, as are `kvCache`, `states` and `scratch`, when it is not known how the model would run. */
  readonly kvPerToken: number;
  readonly kvCache: number;
  /** Of recurrent layers, however long the session is: the newest, and those that its prompt leaves for others. */
  readonly states: number;
  readonly scratch: number;
  readonly total: number;
  /** What this machine can give right now. */
  readonly available: number;
}

/** What the files themselves say. */
export interface ModelFacts {
  /** Canonical name when it is supported, else as the model states it. */
  readonly architecture: string;
  /** Undefined when the architecture is not supported. `rope.factors` of a GGUF on the Hub are not read. */
  readonly config: Config | undefined;
  /** Undefined when neither headers nor the Hub tell. */
  readonly parameters: number | undefined;
  /** Parameters per type they are stored in. */
  readonly dtypes: Readonly<Record<string, number>>;
  readonly contextLength: number | undefined;
  readonly memory: MemoryPlan;
  readonly fits: boolean;
  /** Whether loadModel would run it; `problem` says why not. */
  readonly supported: boolean;
  readonly problem: string | undefined;
  /** What a step would run, fused. */
  readonly program: Program | undefined;
}

/** What the Hub says; undefined for local models, and for cached ones when the Hub was not asked. */
export interface HubFacts {
  readonly gated: false | "auto" | "manual" | undefined;
  readonly private: boolean | undefined;
  readonly task: string | undefined;
  readonly library: string | undefined;
  readonly tags: readonly string[];
  /** Of the last 30 days. */
  readonly downloads: number | undefined;
  readonly likes: number | undefined;
}

/** One GGUF model of a repository that has several. */
export interface GgufChoice {
  readonly quant: string | undefined;
  /** The file, or the first of its parts. */
  readonly file: string;
  /** Bytes, all parts. */
  readonly size: number;
}

export interface Inspection extends ModelFacts, HubFacts {
  /** As it was asked for. */
  readonly name: string;
  /** Where the headers were read: a path, the Hub, or what the cache has of it. */
  readonly source: "local" | "hub" | "cache";
  /** The path that was given, or the snapshot in the cache; undefined: nothing of it is here. */
  readonly path: string | undefined;
  readonly format: "safetensors" | "gguf";
  /** "org/name" as the Hub writes it; undefined for local models, as are `revision` and `commit`. */
  readonly repo: string | undefined;
  /** Branch, tag or commit that was asked for. */
  readonly revision: string | undefined;
  readonly commit: string | undefined;
  /** Of GGUF, as its name states it. */
  readonly quant: string | undefined;
  /** When a repository has several GGUF models and none was named: all of them; the facts are those of `quant`. */
  readonly choices: readonly GgufChoice[];
  readonly licence: string | undefined;
  /** The first words of the model card, as plain text. */
  readonly summary: string | undefined;
  /** Weight files; of a repository, by their names there. */
  readonly files: readonly { readonly path: string; readonly size: number }[];
  /** Bytes that a load needs: weights and, of a repository, texts. */
  readonly totalBytes: number;
  /** What went over the network; undefined for local models. */
  readonly traffic: { readonly requests: number; readonly bytes: number } | undefined;
}

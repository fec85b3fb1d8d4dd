// The one interface between what to compute (a program and a batch) and who computes it.

import type { Sampled, Sampler, Score } from "../native.js";
import type { Program } from "../program/ops.js";
import type { Tensor } from "../tensor.js";

/** The part of a step that belongs to one sequence: `count` neighbouring tokens of the batch at consecutive positions. */
export interface Span {
  readonly count: number;
  /** Position of its first token in the sequence. */
  readonly position: number;
  /** Page `i` holds positions [i * pageTokens, (i + 1) * pageTokens); covers position + count tokens. */
  readonly pages: Int32Array;
  /** Of a program with states: where they are; default: it begins, and nobody goes on from it. */
  readonly state?: StateSlots | undefined;
}

/** Slots that hold the states of a sequence; may be the same. */
export interface StateSlots {
  /** Before the span's first token; undefined at the start of a sequence. */
  readonly from: number | undefined;
  /** After its last one. */
  readonly to: number;
}

/** One row of results wanted of a step. */
export interface Output {
  /** Index into `Batch.tokens`. */
  readonly token: number;
  /** Picks the next id on the backend's side; its state moves on. */
  readonly sampler?: Sampler | undefined;
  /**
   * Its token is a guess at what the output before it samples (same sequence, same sampler). Sampled only where that
   * has come true; a wrong guess leaves the sampler as it was.
   */
  readonly guess?: boolean | undefined;
  /** Also copy the row's logits back. */
  readonly logits?: boolean | undefined;
  /** Id to score: how well the row foretold it. */
  readonly target?: number | undefined;
  /** Another model's logits for this row, (vocab), for the score to compare with. */
  readonly base?: Float32Array | undefined;
}

/** Tokens of any number of sequences at once. One sequence is a batch of one; prefill and decode are not different concepts. */
export interface Batch {
  readonly tokens: Int32Array; // (tokens), span after span
  /** 1: of the second text of a pair; default: all 0. */
  readonly segments?: Int32Array | undefined; // (tokens)
  readonly spans: readonly Span[];
  readonly outputs: readonly Output[];
}

/** What came of one `Output`. */
export interface OutputResult {
  readonly sampled: Sampled | undefined;
  readonly logits: Float32Array | undefined; // (vocab)
  readonly score: Score | undefined;
}

/** How keys and values are kept; q8_0: signed bytes with an F16 scale for each 32 of a head. */
export const kvTypes = ["f32", "f16", "bf16", "q8_0"] as const;
export type KvType = (typeof kvTypes)[number];

/**
 * What activations lose before they meet weights that are whole numbers under scales (Q8_0, Q4_K, MXFP4, GPTQ ...): exact
 * rounds them to 16 bits relative to the largest of 32, fast to 8 bits where the processor gains by it.
 * On AMX both are bf16, and F32 and F16 weights keep more of it: fast rounds them to bf16, too.
 */
export const precisions = ["exact", "fast"] as const;
export type Precision = (typeof precisions)[number];

export interface CompileOptions {
  /** Pages of the KV cache; memory is taken when a page is first written. */
  readonly pages: number;
  /** Tokens a page holds, for every layer. */
  readonly pageTokens: number;
  /** Slots for the states of sequences, of a program that has some; memory is taken when a slot is first written. */
  readonly states?: number | undefined;
  /** Most tokens of one step. */
  readonly maxTokens: number;
  /** Most outputs of one step. */
  readonly maxOutputs: number;
  readonly kvType: KvType;
  /** Default: exact. */
  readonly precision?: Precision | undefined;
  /** Bring mapped weights into memory before the first step asks for them; default: they come as they are read. */
  readonly readAhead?: boolean | undefined;
  /**
   * Every sequence of a step begins and ends in it, so that sums may be added in an order that suits many tokens; default:
   * no, a token has the same bits alone as in a prompt. (On the CPU: kernels of GPUs for few tokens add in another order.)
   */
  readonly texts?: boolean | undefined;
  /** Where weights are copied to a device: how many bytes of them have been since the last word. */
  readonly onUpload?: ((bytes: number) => void) | undefined;
  /** Ends the copying. */
  readonly signal?: AbortSignal | undefined;
}

/** A program with its weights and its KV pages, ready to run. Steps are run one at a time, in the order asked for. */
export interface Executable {
  /** After a step has thrown OutOfMemory, `pages` may be fewer: those there is room for. */
  readonly options: CompileOptions;
  run(batch: Batch): Promise<OutputResult[]>;
  /** Copies the keys and values of a page, all layers (copy on write after a fork). */
  copyPage(from: number, to: number): Promise<void>;
  /** Resolves when running steps have ended and all memory is given back. */
  dispose(): Promise<void>;
}

export interface Backend {
  readonly name: string;
  /**
   * Weights are given in the order of `program.weights`, stacks whole or as their matrices; shapes have been checked.
   */
  compile(
    program: Program,
    weights: readonly (Tensor | readonly Tensor[])[],
    options: CompileOptions,
  ): Promise<Executable>;
  dispose(): Promise<void>;
}

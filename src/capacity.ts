// How much memory the steps of a program may take: tokens and outputs of a step, pages of keys and values, states.

import { totalmem } from "node:os";
import type { CompileOptions, KvType } from "./backends/backend.js";
import type { Config } from "./program/config.js";
import type { Program } from "./program/ops.js";
import type { Tensor } from "./tensor.js";

/** Positions in one page of the KV cache. */
const PAGE_TOKENS = 32;
/** Most tokens of one step: bounds the memory of activations and how late an abort can come. */
export const MAX_STEP_TOKENS = 512;
const MAX_STEP_OUTPUTS = 64;
/** Of one text, unless somebody asks for more: what the longest embedding models are used with. */
const MOST_TEXT_TOKENS = 32_768;
/** Of texts with one output each: as many of two tokens as a step has tokens. */
const MAX_STEP_TEXTS = 256;
/** KV cache for other sessions than the longest one: at most this many full contexts, and this share of memory. */
const MAX_CONTEXTS = 16;
const KV_MEMORY_SHARE = 0.25;
/** Slots for the states of recurrent layers, which may be large: a generation needs one, or two where it is to keep its prompt's. */
const LEAST_STATES = 4;
const MOST_STATES = 256;
const STATE_MEMORY_SHARE = 0.125;
/** A text that is made a vector has all its tokens in one step, and room in memory for them. */
export function defaultContext({ head, contextLength }: Pick<Config, "head" | "contextLength">): number {
  return head.kind === "next" ? contextLength : Math.min(contextLength, MOST_TEXT_TOKENS);
}

/** f16 holds more of a key than bf16 weights do. */
export function kvTypeFor(weights: Iterable<Pick<Tensor, "quant">>): KvType {
  return [...weights].every(({ quant }) => quant === "F32") ? "f32" : "f16";
}

const kvValueBytes: Readonly<Record<KvType, number>> = { f32: 4, f16: 2, bf16: 2, q8_0: 1 };

/** Bytes of a key, or of a value, of one head that has `dim` numbers. */
export function kvHeadBytes(kvType: KvType, dim: number): number {
  return dim * kvValueBytes[kvType] + (kvType === "q8_0" ? Math.ceil(dim / 32) * 2 : 0);
}

/** Bytes that one token takes in the KV cache, all layers. */
export function kvBytesPerToken(program: Program, kvType: KvType): number {
  return layerBytes(program, kvType).reduce((sum, bytes) => sum + bytes, 0);
}

/** Bytes that one token takes while its text is read: layers follow each other in the same pages if none looks back. */
export function textBytesPerToken(program: Program, kvType: KvType): number {
  const attendsAgain = program.ops.some((op) => op.kind === "attend" && op.k === undefined);
  return attendsAgain ? kvBytesPerToken(program, kvType) : Math.max(0, ...layerBytes(program, kvType));
}

function layerBytes({ layers }: Program, kvType: KvType): number[] {
  return layers.map(
    ({ kvHeads, headDim, valueDim }) => kvHeads * (kvHeadBytes(kvType, headDim) + kvHeadBytes(kvType, valueDim)),
  );
}

/** Bytes of the states of one sequence, however long it is. */
export function stateBytes(program: Program): number {
  return program.states.reduce((sum, { values }) => sum + 4 * values, 0);
}

function stateSlots(program: Program): number {
  const bytes = stateBytes(program);
  if (bytes === 0) return 0;
  return Math.min(MOST_STATES, Math.max(LEAST_STATES, Math.floor((totalmem() * STATE_MEMORY_SHARE) / bytes)));
}

export function compileOptions(program: Program, kvType: KvType, contextSize: number): CompileOptions {
  const affordable = Math.floor((totalmem() * KV_MEMORY_SHARE) / kvBytesPerToken(program, kvType));
  const tokens = Math.max(contextSize, Math.min(contextSize * MAX_CONTEXTS, affordable));
  return {
    pages: Math.ceil(tokens / PAGE_TOKENS) + 1,
    pageTokens: PAGE_TOKENS,
    states: stateSlots(program),
    maxTokens: MAX_STEP_TOKENS,
    maxOutputs: MAX_STEP_OUTPUTS,
    kvType,
  };
}

/** A step holds whole texts, which keep nothing: pages are for one step. */
export function encoderOptions(program: Program, kvType: KvType, contextSize: number): CompileOptions {
  const maxTokens = Math.max(MAX_STEP_TOKENS, contextSize);
  const pooled = program.ops.some(({ kind }) => kind === "pool");
  const maxOutputs = pooled ? MAX_STEP_TEXTS : maxTokens;
  // Each text begins a page.
  const pages = Math.ceil(maxTokens / PAGE_TOKENS) + maxOutputs;
  return { pages, pageTokens: PAGE_TOKENS, maxTokens, maxOutputs, kvType, texts: true };
}

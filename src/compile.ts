// From opened files to something that runs: config -> program -> weights -> executable.

import { totalmem } from "node:os";
import { record } from "./architectures/index.js";
import type { CompileOptions, Executable, KvType, Precision } from "./backends/backend.js";
import {
  type Choice,
  chooseDevice,
  type DeviceName,
  deviceOfEnvironment,
  fallsBack,
  type MeasuredBackend,
  type Opened,
  openBackend,
} from "./devices.js";
import type { ThreadOptions } from "./engine.js";
import { DeadliftError } from "./error.js";
import { unpackable } from "./formats/checkpoints/index.js";
import type { OpenedModel } from "./formats/open.js";
import { type Bound, bindWeights } from "./formats/weights.js";
import { availableMemory } from "./machine.js";
import { checkInteger } from "./options.js";
import type { Weight } from "./packed.js";
import type { Config } from "./program/config.js";
import { fuse } from "./program/fuse.js";
import type { Program } from "./program/ops.js";
import { type Work, workOf } from "./program/work.js";
import { type Repacked, type RepackProgress, repackAll } from "./repack.js";
import { roundMatrices } from "./round.js";
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
/** Weights up to this share of what is free are read before they are wanted. */
const MOST_OF_MEMORY = 0.75;

export interface RunOptions extends ThreadOptions {
  /**
   * Where to run; default: DEADLIFT_DEVICE, else "auto", which takes the GPU where that is faster for the model, and says why (`model.backend`); "gpu"
   * the one the system prefers, "gpu:NAME" the one with this in its name.
   */
  readonly device?: DeviceName | undefined;
  /** Instruction set of the CPU kernels; default: DEADLIFT_ISA, else the best of this machine. */
  readonly isa?: string | undefined;
  /** Most tokens of one session; default and upper limit: what the model was made for. Memory is taken as it is used. */
  readonly contextSize?: number | undefined;
  /**
   * How keys and values are kept; default: f32 for models all in F32, so that nothing is lost, and where they are not
   * kept from step to step, else f16. q8_0 takes about half of that memory, and less time over long contexts.
   */
  readonly kvType?: KvType | undefined;
  /**
   * "fast": activations meet whole-number weights in 8 bits, as in llama.cpp, where AVX-512 gains by it; default: "exact",
   * 16 bits.
   */
  readonly precision?: Precision | undefined;
}

export interface Compiled {
  readonly program: Program;
  readonly backend: MeasuredBackend;
  /** Why "auto" took this backend; undefined where somebody has asked for it. */
  readonly reason: string | undefined;
  readonly executable: Executable;
  readonly contextSize: number;
  readonly work: Work;
  dispose(): Promise<void>;
}

/** Bytes of weights that have been copied to the GPU. */
export interface UploadProgress {
  readonly stage: "upload";
  readonly bytes: number;
  readonly totalBytes: number;
}

export interface CompileProgress {
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((progress: RepackProgress | UploadProgress) => void) | undefined;
}

/** A model's program with its weights as they are bound, before anybody has decided where it runs. */
interface Plan {
  readonly opened: OpenedModel;
  readonly options: RunOptions;
  readonly recorded: Program;
  readonly program: Program;
  readonly bound: readonly Bound<Weight>[];
  readonly isDecoder: boolean;
  readonly contextSize: number;
}

/**
 * Throws UnsupportedArchitecture, MissingTensor, WrongShape, UnsupportedQuant, InvalidArgument, OutOfMemory, GpuUnavailable,
 * DeviceLost, Aborted.
 */
export async function compile(
  opened: OpenedModel,
  options: RunOptions,
  progress: CompileProgress = {},
): Promise<Compiled> {
  checkInteger("contextSize", options.contextSize, 1, opened.config.contextLength);
  const isDecoder = opened.config.head.kind === "next";
  const contextSize = options.contextSize ?? defaultContext(opened.config);
  const recorded = record(opened.config, contextSize);
  const program = fuse(recorded);
  const bound = bindWeights(program, unpackable(program, opened));
  const plan = { opened, options, recorded, program, bound, isDecoder, contextSize };
  const choice = await chooseDevice(options.device ?? deviceOfEnvironment(), bytesOf(bound.flat()));
  try {
    return await compileOn(choice, plan, progress);
  } catch (error) {
    if (choice.reason === undefined || choice.adapter === undefined || !fallsBack(error)) throw error;
    return compileOn({ adapter: undefined, reason: `the GPU would not: ${error.message}` }, plan, progress);
  }
}

async function compileOn(choice: Choice, plan: Plan, progress: CompileProgress): Promise<Compiled> {
  const { options, program, isDecoder } = plan;
  const rounds = choice.adapter === undefined && options.precision === "fast" && !isDecoder;
  const published = rounds ? roundMatrices(plan.recorded, plan.bound) : plan.bound;
  const { backend, repacker, endRepacker } = await openBackend(choice, options);
  let memory: Repacked | undefined;
  try {
    memory = await repackAll(published.flat(), repacker, progress);
    const tensors = [...memory.weights];
    const kvType = options.kvType ?? (isDecoder ? kvTypeFor(tensors) : "f32");
    const readAhead = fitInMemory(tensors);
    const weights = published.map((bound) =>
      Array.isArray(bound) ? tensors.splice(0, bound.length) : tensors.shift()!,
    );
    const executable = await backend.compile(program, weights, {
      ...(isDecoder ? compileOptions : encoderOptions)(program, kvType, plan.contextSize),
      precision: options.precision,
      readAhead,
      signal: progress.signal,
      onUpload: uploadTold(weights, progress),
    });
    const work = workOf(plan.recorded, weights.map(bytesOf), (dim) => kvHeadBytes(kvType, dim));
    return await ended({ backend, endRepacker, memory }, choice, {
      program,
      executable,
      work,
      contextSize: fitContext(plan, executable),
    });
  } catch (error) {
    memory?.[Symbol.dispose]();
    await backend.dispose();
    await endRepacker();
    throw error;
  }
}

interface Running extends Pick<Opened, "backend" | "endRepacker"> {
  readonly memory: Repacked;
}

/** What has been compiled, with the means to end it; of a device that has weights of its own, nothing else is kept. */
async function ended(
  { backend, endRepacker, memory }: Running,
  { reason }: Choice,
  rest: Omit<Compiled, "backend" | "dispose" | "reason">,
): Promise<Compiled> {
  if (await endRepacker()) memory[Symbol.dispose]();
  const dispose = async () => {
    await rest.executable.dispose();
    await backend.dispose();
    memory[Symbol.dispose]();
  };
  return { ...rest, backend, reason, dispose };
}

/** A device may have room for fewer tokens than the model. Throws InvalidArgument where somebody wants more of them. */
function fitContext({ options, contextSize, isDecoder }: Plan, { options: fitted }: Executable): number {
  const room = isDecoder ? (fitted.pages - 1) * fitted.pageTokens : fitted.maxTokens;
  if (room >= contextSize) return contextSize;
  if (options.contextSize === undefined) return room;
  throw new DeadliftError(
    "OutOfMemory",
    `expected room for contextSize ${contextSize}, received a device that has it for ${room} tokens in one buffer; ` +
      'ask for a smaller contextSize or kvType, or device "cpu"',
  );
}

function uploadTold(
  weights: readonly (Tensor | readonly Tensor[])[],
  { onProgress }: CompileProgress,
): (bytes: number) => void {
  const totalBytes = weights.reduce((sum, bound) => sum + bytesOf(bound), 0);
  let bytes = 0;
  return (more) => {
    bytes += more;
    onProgress?.({ stage: "upload", bytes: Math.min(bytes, totalBytes), totalBytes });
  };
}

function bytesOf(bound: Bound<Pick<Tensor, "byteLength">>): number {
  return ([bound].flat() as readonly Pick<Tensor, "byteLength">[]).reduce((sum, one) => sum + one.byteLength, 0);
}

/** A text that is made a vector has all its tokens in one step, and room in memory for them. */
export function defaultContext({ head, contextLength }: Pick<Config, "head" | "contextLength">): number {
  return head.kind === "next" ? contextLength : Math.min(contextLength, MOST_TEXT_TOKENS);
}

/** f16 holds more of a key than bf16 weights do. */
export function kvTypeFor(weights: Iterable<Pick<Tensor, "quant">>): KvType {
  return [...weights].every(({ quant }) => quant === "F32") ? "f32" : "f16";
}

/** Else the first pages would have left memory again when they are wanted. */
function fitInMemory(weights: readonly Tensor[]): boolean {
  const bytes = [...new Set(weights)].reduce((sum, { byteLength }) => sum + byteLength, 0);
  return bytes < availableMemory() * MOST_OF_MEMORY;
}

const kvValueBytes: Readonly<Record<KvType, number>> = { f32: 4, f16: 2, bf16: 2, q8_0: 1 };

/** Bytes of a key, or of a value, of one head that has `dim` numbers. */
function kvHeadBytes(kvType: KvType, dim: number): number {
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

function compileOptions(program: Program, kvType: KvType, contextSize: number): CompileOptions {
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
function encoderOptions(program: Program, kvType: KvType, contextSize: number): CompileOptions {
  const maxTokens = Math.max(MAX_STEP_TOKENS, contextSize);
  const pooled = program.ops.some(({ kind }) => kind === "pool");
  const maxOutputs = pooled ? MAX_STEP_TEXTS : maxTokens;
  // Each text begins a page.
  const pages = Math.ceil(maxTokens / PAGE_TOKENS) + maxOutputs;
  return { pages, pageTokens: PAGE_TOKENS, maxTokens, maxOutputs, kvType, texts: true };
}

// From opened files to something that runs: config -> program -> weights -> executable.

import { record } from "./architectures/index.js";
import type { Executable, KvType, Precision } from "./backends/backend.js";
import { compileOptions, defaultContext, encoderOptions, kvHeadBytes, kvTypeFor } from "./capacity.js";
import {
  type Choice,
  chooseDevice,
  type DeviceName,
  deviceOf,
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
import { fuse } from "./program/fuse.js";
import type { Program } from "./program/ops.js";
import { type Work, workOf } from "./program/work.js";
import { type Repacked, type RepackProgress, repackAll } from "./repack.js";
import { roundMatrices } from "./round.js";
import type { Tensor } from "./tensor.js";

/** Weights up to this share of what is free are read before they are wanted. */
const MOST_OF_MEMORY = 0.75;

export interface RunOptions extends ThreadOptions {
  /**
   * Where to run; default: DEADLIFT_DEVICE, else "auto", which takes the GPU where that is faster for the model, and says
   * why (`model.backend`). "gpu": the one the system prefers; "gpu:NAME": the one with this in its name.
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
   * "fast": activations meet whole-number weights in 8 bits, as in llama.cpp, where AVX-512 or a GPU gains by it, and GPUs
   * with small matrices of F16 use them; default: "exact", 16 bits on the CPU, F32 on a GPU.
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

/** Who decides where a model runs, and opens the backend. */
export interface Devices {
  readonly choose: typeof chooseDevice;
  readonly open: typeof openBackend;
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
  devices: Devices = { choose: chooseDevice, open: openBackend },
): Promise<Compiled> {
  checkInteger("contextSize", options.contextSize, 1, opened.config.contextLength);
  const isDecoder = opened.config.head.kind === "next";
  const contextSize = options.contextSize ?? defaultContext(opened.config);
  const recorded = record(opened.config, contextSize);
  const program = fuse(recorded);
  const bound = bindWeights(program, unpackable(program, opened));
  const plan = { opened, options, recorded, program, bound, isDecoder, contextSize };
  const choice = await devices.choose(deviceOf(options), demandOf(recorded, bound));
  try {
    return await compileOn(choice, plan, progress, devices);
  } catch (error) {
    if (choice.reason === undefined || choice.adapter === undefined || !fallsBack(error)) throw error;
    const reason = `the GPU would not: ${error.message}`;
    return compileOn({ adapter: undefined, reason }, plan, progress, devices);
  }
}

/** What a token asks of a device. */
function demandOf(recorded: Program, bound: readonly Bound<Weight>[]): Parameters<typeof chooseDevice>[1] {
  const work = workOf(recorded, bound.map(bytesOf), () => 0);
  const residentBytes = bytesOf([...new Set(bound.flat())]);
  return { weightBytes: work.stepBytes(1, 0) ?? residentBytes, residentBytes, flops: work.promptFlops };
}

async function compileOn(choice: Choice, plan: Plan, progress: CompileProgress, devices: Devices): Promise<Compiled> {
  const { options, program, isDecoder } = plan;
  const rounds = choice.adapter === undefined && options.precision === "fast" && !isDecoder;
  const published = rounds ? roundMatrices(plan.recorded, plan.bound) : plan.bound;
  const { backend, repacker, endRepacker } = await devices.open(choice, options);
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
  if (options.contextSize === undefined && room > 0) return room;
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
  const totalBytes = bytesOf([...new Set(weights.flat())]);
  let bytes = 0;
  return (more) => {
    bytes += more;
    onProgress?.({ stage: "upload", bytes: Math.min(bytes, totalBytes), totalBytes });
  };
}

function bytesOf(bound: Bound<Pick<Tensor, "byteLength">>): number {
  return ([bound].flat() as readonly Pick<Tensor, "byteLength">[]).reduce((sum, one) => sum + one.byteLength, 0);
}

/** Else the first pages would have left memory again when they are wanted. */
function fitInMemory(weights: readonly Tensor[]): boolean {
  const bytes = [...new Set(weights)].reduce((sum, { byteLength }) => sum + byteLength, 0);
  return bytes < availableMemory() * MOST_OF_MEMORY;
}

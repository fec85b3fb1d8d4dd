// Finds and loads the addon; the typed twin of native/addon.cc.

import { createRequire } from "node:module";
import { DeadliftError } from "./error.js";

/** Opaque native objects; freed when collected or closed. */
declare const brand: unique symbol;
export interface FileHandle {
  readonly [brand]: "file";
}
export interface LockHandle {
  readonly [brand]: "lock";
}
export interface EngineHandle {
  readonly [brand]: "engine";
}
export interface ExecutableHandle {
  readonly [brand]: "executable";
}
export interface Sampler {
  readonly [brand]: "sampler";
}

export interface CpuInfo {
  readonly vendor: string;
  readonly brand: string;
  /** Instruction sets this build has kernels for and this machine runs, slowest first: "scalar", "avx2", "avx512", ... */
  readonly isas: readonly string[];
  /** Quant types that engineEncode can write. */
  readonly encoders: readonly string[];
  /** Features found, for `doctor`: "avx2", "fma", "f16c", "avx512f", "avx512_vnni", "avx512_bf16", "amx_bf16", ... */
  readonly features: readonly string[];
  /** Cores this process may use: affinity mask and cgroup quotas respected, threads that share a core counted once. */
  readonly cores: number;
}

export interface NativeEngineOptions {
  readonly threads: number;
  readonly isa: string;
  /** "low": all threads of the engine give way to others. Where the system refuses, every job fails. */
  readonly priority: "normal" | "low";
}

/** Everything a sampler needs. All fields are always given; src/sampling.ts has names, ranges and defaults. */
export interface NativeSamplerOptions {
  readonly vocab: number;
  readonly temperature: number; // 0: greedy
  readonly topK: number; // 0: off
  readonly topP: number; // 1: off
  readonly minP: number; // 0: off
  readonly typicalP: number; // 1: off
  readonly repetitionPenalty: number; // 1: off
  readonly frequencyPenalty: number; // 0: off
  readonly presencePenalty: number; // 0: off
  readonly biasIds: Int32Array;
  readonly biasValues: Float32Array; // added to the logits; -Infinity forbids
  readonly seed: bigint; // 64 bits
  /** Most probable alternatives to report for each sampled id; -1: no log-probabilities at all. */
  readonly logprobs: number;
  /** Tokens before the first sampled one: count for the repetition penalty (as in transformers), not for frequency and presence. */
  readonly history: Int32Array;
}

export interface Sampled {
  readonly id: number;
  /** Natural log of its probability under the model's own distribution (before penalties, temperature and cuts). */
  readonly logprob: number | undefined;
  readonly top: readonly { readonly id: number; readonly logprob: number }[] | undefined;
}

/** A weight as the engine reads it: a view into a mapped file, or one for each matrix of a stack. */
export interface NativeWeight {
  readonly parts: readonly NativePart[];
  readonly quant: string;
  readonly rows: number; // of all parts; 1 for a vector
  readonly columns: number;
}

/** A part of a file. */
export interface NativePart {
  readonly file: FileHandle;
  readonly offset: number;
  readonly byteLength: number;
}

/** A packed weight (src/packed.ts, as it is, but for its parts) and where it goes. */
export interface NativeRepack {
  readonly codes: object;
  readonly levels: string | undefined;
  readonly scales: object;
  readonly zeros: object | undefined;
  readonly zero: number;
  readonly zeroAdd: number;
  readonly group: number;
  readonly groups: Int32Array | undefined;
  readonly to: string;
  readonly rows: number;
  readonly columns: number;
  readonly out: NativePart;
}

/** A reordered weight (src/packed.ts, as it is, but for its part) and where it goes. */
export interface NativeReorder {
  readonly part: NativePart;
  readonly quant: string; // one value a block
  readonly first: number;
  readonly stackStep: number;
  readonly rowStep: number;
  readonly columnStep: number;
  readonly stack: number;
  readonly rows: number;
  readonly columns: number;
  readonly out: NativePart;
}

/** Rows of a tensor in a mapped file, to be written as another type. The caller knows that they lie within the file. */
export interface NativeRows {
  readonly file: FileHandle;
  /** Where row 0 starts in the file. */
  readonly offset: number;
  readonly from: string;
  readonly to: string;
  readonly columns: number;
  /** Rows [first, first + rows), or those that `order` names. */
  readonly first: number;
  readonly rows: number;
  readonly order: Int32Array | null; // (rows)
  readonly importance: Float32Array | null; // (columns)
  /** Must not be touched until the job resolves. */
  readonly out: Uint8Array;
  /** A range of the file that is wanted soon. */
  readonly next: number;
  readonly nextSize: number;
}

/** A program for the engine. Buffers have been given places: values before `offset` in a row of their region. */
export interface NativeProgram {
  readonly ops: readonly object[]; // ops.ts, as they are
  readonly buffers: readonly { readonly width: number; readonly rows: "tokens" | "outputs"; readonly slot: number }[];
  /** Width of each slot: buffers whose lives do not overlap share one. */
  readonly slots: readonly { readonly width: number; readonly rows: "tokens" | "outputs" }[];
  readonly weights: readonly NativeWeight[];
  readonly ropes: readonly {
    readonly frequencies: Float32Array;
    readonly magnitude: number;
    readonly layout: "half" | "pairs";
  }[];
  readonly distances: readonly object[]; // ops.ts, as they are
  readonly layers: readonly { readonly kvHeads: number; readonly headDim: number; readonly valueDim: number }[];
  readonly states: readonly { readonly values: number }[];
  readonly output: number;
}

export interface NativeCompileOptions {
  readonly pages: number;
  readonly pageTokens: number;
  readonly states: number;
  readonly maxTokens: number;
  readonly maxOutputs: number;
  readonly kvType: "f32" | "f16" | "bf16" | "q8_0";
  readonly precision: "exact" | "fast";
  /** Bring the weights into memory before the first step asks for them. */
  readonly readAhead: boolean;
  /** Steps hold whole texts. */
  readonly texts: boolean;
}

/** A batch for the engine, flat. Span i owns `spanPages[spanPageStart[i] .. spanPageStart[i + 1])`. */
export interface NativeBatch {
  readonly tokens: Int32Array;
  readonly segments: Int32Array; // (tokens), or empty: all 0
  readonly spanCount: Int32Array; // (spans) tokens of each
  readonly spanPosition: Int32Array; // (spans)
  readonly spanPageStart: Int32Array; // (spans + 1)
  readonly spanPages: Int32Array;
  readonly spanStateFrom: Int32Array; // (spans) slot, -1: none
  readonly spanStateTo: Int32Array; // (spans) slot, -1: none
  readonly outputs: Int32Array; // (outputs) index of the token
  /** Outputs of one sampler are neighbours, and sampled in their order. */
  readonly samplers: readonly (Sampler | null)[]; // (outputs)
  readonly guesses: Int32Array; // (outputs) 1: only if the output before it has sampled this one's token
  /** Where to write an output's logits, (vocab) each, or null. Must not be touched until the step resolves. */
  readonly logits: readonly (Float32Array | null)[]; // (outputs)
  readonly targets: Int32Array; // (outputs) id to score, -1: none
  /** Another model's logits for the same row, (vocab) each, to compare with, or null. */
  readonly bases: readonly (Float32Array | null)[]; // (outputs)
}

/** How well a row of logits foretold a token; natural logarithms. */
export interface Score {
  /** -log p(target). */
  readonly nll: number;
  /** KL(base || row); undefined without a base. */
  readonly divergence: number | undefined;
  /** Both have the same most probable id; undefined without a base. */
  readonly sameTop: boolean | undefined;
}

/** What a step gives back: null where nothing was asked for. */
export interface NativeResults {
  readonly sampled: readonly (Sampled | null)[]; // (outputs)
  readonly scores: readonly (Score | null)[]; // (outputs)
}

/** Every function of native/addon.cc. TypeScript validates; these trust their arguments. */
export interface Addon {
  cpuInfo(): CpuInfo;
  /** `cores` of cpuInfo for a process that may run on these processors; /proc and /sys are read in the folder `root`. */
  countCores(processors: Int32Array, root: string): number;

  /** Maps the whole file read-only. Throws an Error with `code` "FileNotFound" or "FileUnreadable". */
  fileOpen(path: string): FileHandle;
  /** Zeroed memory in the place of a file. Throws an Error with `code` "OutOfMemory". */
  fileMemory(bytes: number): FileHandle;
  fileSize(file: FileHandle): number;
  /** A window of the mapping, at most 4 GiB; detached (length 0) when the file is closed. */
  fileWindow(file: FileHandle, offset: number, length: number): ArrayBuffer;
  /** Unmaps when the last executable that reads it is gone; windows detach at once. */
  fileClose(file: FileHandle): void;
  /** A number by which another thread of this process takes the file, too; once, while this one is open. */
  fileShare(file: FileHandle): number;
  /** Throws where the file has been closed, or taken. */
  fileAdopt(ticket: number): FileHandle;
  /** Copies `count` items of `size` bytes, `fromStep` apart from `offset` on in the file, to places `toStep` apart in `out`. */
  fileGather(
    file: FileHandle,
    offset: number,
    count: number,
    size: number,
    fromStep: number,
    out: Uint8Array,
    toStep: number,
  ): void;
  /** Files mapped at this moment in this process. */
  filesMapped(): number;

  /**
   * One attempt to lock the file at `path` exclusively; never waits. Makes the file with `mode` when absent, follows no link.
   * "busy": somebody else has the lock; "unsupported": this file system has none. The lock ends with its handle or the process.
   * Throws an Error with `code` "ReadOnlyCache", "NoSpace" or "FileUnreadable".
   */
  fileLockTry(path: string, mode: number): LockHandle | "busy" | "unsupported";
  /** Gives the lock back; nothing happens the second time. */
  fileUnlock(lock: LockHandle): void;

  engineCreate(options: NativeEngineOptions): EngineHandle;
  /** Writes a packed weight into memory, on the engine's threads; the packed pages may then leave memory. */
  engineRepack(engine: EngineHandle, job: NativeRepack): Promise<void>;
  /** Writes plain numbers into memory in another order, likewise. */
  engineReorder(engine: EngineHandle, job: NativeReorder): Promise<void>;
  /** Writes rows in another type, on the engine's threads. Resolves to whether all values were finite. */
  engineEncode(engine: EngineHandle, rows: NativeRows): Promise<boolean>;
  /** On the engine thread: may read the files from disk. */
  engineCompile(engine: EngineHandle, program: NativeProgram, options: NativeCompileOptions): Promise<ExecutableHandle>;
  /** Runs one step on the engine thread. */
  engineRun(executable: ExecutableHandle, batch: NativeBatch): Promise<NativeResults>;
  engineCopyPage(executable: ExecutableHandle, from: number, to: number): Promise<void>;
  /** Resolves when its queued steps have ended and its memory is given back. */
  executableClose(executable: ExecutableHandle): Promise<void>;
  engineClose(engine: EngineHandle): Promise<void>;
  /** Streaming read speed of the engine's threads right now, in GB/s (10^9), over a buffer of `bytes`. */
  engineBandwidth(engine: EngineHandle, bytes: number): Promise<number>;
  /** Multiply-adds in f32 between registers of the engine's threads right now, in TFLOP/s (10^12, two for each). */
  enginePeak(engine: EngineHandle): Promise<number>;

  samplerCreate(options: NativeSamplerOptions): Sampler;
  /** As fileShare: the sampler goes on wherever it is next used, by one thread at a time. */
  samplerShare(sampler: Sampler): number;
  samplerAdopt(ticket: number): Sampler;
  /** Samples from one row of logits on the calling thread (tests, backends that read logits back). */
  samplerSample(sampler: Sampler, logits: Float32Array): Sampled;
  /**
   * How many of a row's largest logits are enough to sample what the whole row gives, once the sampler has sampled `ahead`
   * more ids: at most 1024; 0: the whole row.
   */
  samplerNeeds(sampler: Sampler, ahead: number): number;
  /**
   * As samplerSample, from part of a row: ids in ascending order, and their logits. All ids whose logits are at least the
   * samplerNeeds-th largest must be among them, but for those of -Infinity and NaN.
   */
  samplerSampleTop(sampler: Sampler, ids: Int32Array, logits: Float32Array): Sampled;
  /** Scores one row of logits on the calling thread, as engineRun does. */
  scoreRow(logits: Float32Array, target: number, base: Float32Array | null): Score;
}

let loaded: Addon | undefined;

/** The addon, loaded once. `DEADLIFT_ADDON` names another build. */
export function native(): Addon {
  loaded ??= load();
  return loaded;
}

function load(): Addon {
  const require = createRequire(import.meta.url);
  const path = process.env.DEADLIFT_ADDON || "../build/Release/deadlift.node";
  try {
    return require(path) as Addon;
  } catch (cause) {
    throw new DeadliftError(
      "NativeUnavailable",
      `the native addon could not be loaded for ${process.platform}-${process.arch} (${path}): ${(cause as Error).message.split("\n")[0]}. ` +
        "Build it with `npm run build` in deadlift's folder (needs cmake and a C++20 compiler).",
      { cause },
    );
  }
}

/** A file mapped read-only into memory. */
export class MappedFile {
  readonly size: number;
  readonly #handle: FileHandle;
  #closed = false;

  private constructor(
    readonly path: string,
    handle: FileHandle,
  ) {
    this.#handle = handle;
    this.size = native().fileSize(handle);
  }

  /** Maps `path` (links resolved by the caller). Throws FileNotFound or FileUnreadable. */
  static open(path: string): MappedFile {
    try {
      return new MappedFile(path, native().fileOpen(path));
    } catch (error) {
      const code = (error as { code?: string }).code === "FileNotFound" ? "FileNotFound" : "FileUnreadable";
      throw error instanceof DeadliftError
        ? error
        : new DeadliftError(code, (error as Error).message, { cause: error });
    }
  }

  /** A file that another thread has opened and shared; `name` is for messages. */
  static adopt(name: string, ticket: number): MappedFile {
    return new MappedFile(name, native().fileAdopt(ticket));
  }

  /** Zeroed memory that is closed as files are; `name` is for messages. Throws OutOfMemory. */
  static memory(name: string, bytes: number): MappedFile {
    try {
      return new MappedFile(name, native().fileMemory(bytes));
    } catch (cause) {
      throw new DeadliftError("OutOfMemory", `there is no memory of ${bytes} bytes for ${name}`, { cause });
    }
  }

  /** Its native handle; throws Disposed after close. */
  get handle(): FileHandle {
    if (this.#closed) throw new DeadliftError("Disposed", `${this.path} is closed`);
    return this.#handle;
  }

  /** A window of at most 4 GiB, valid until close (then its length is 0). No copy. */
  bytes(offset: number, length: number): Uint8Array {
    return new Uint8Array(native().fileWindow(this.handle, offset, length));
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    native().fileClose(this.#handle);
  }
}

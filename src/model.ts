// loadModel(): name -> files -> config -> program -> executable; and what a loaded model can do.

import { totalmem } from "node:os";
import { fileURLToPath } from "node:url";
import { record } from "./architectures/index.js";
import type { CompileOptions, Executable, KvType } from "./backends/backend.js";
import { CpuBackend } from "./backends/cpu.js";
import { type ChatTemplate, chatTemplate, type Message, type Tool } from "./chat/template.js";
import { DeadliftError, expected } from "./error.js";
import { type OpenedModel, openModel } from "./formats/open.js";
import { bindWeights } from "./formats/weights.js";
import { type GenerateOptions, generate, generateKeys, type Runtime } from "./generate.js";
import type { Generation } from "./generation.js";
import { checkChoice, checkInteger, checkKeys } from "./options.js";
import type { Config } from "./program/config.js";
import { fuse } from "./program/fuse.js";
import type { Program } from "./program/ops.js";
import { aborted, Scheduler } from "./scheduler.js";
import type { Tensor } from "./tensor.js";
import { tokenizerOf } from "./tokenizer/of.js";
import type { Tokenizer } from "./tokenizer/tokenizer.js";

/** The folder of the small model that comes with deadlift. */
export const embeddedModel: string = fileURLToPath(new URL("../models/tiny", import.meta.url));

/** Positions in one page of the KV cache. */
const PAGE_TOKENS = 32;
/** Most tokens of one step: bounds the memory of activations and how late an abort can come. */
const MAX_STEP_TOKENS = 512;
const MAX_STEP_OUTPUTS = 64;
/** KV cache for other sessions than the longest one: at most this many full contexts, and this share of memory. */
const MAX_CONTEXTS = 16;
const KV_MEMORY_SHARE = 0.25;

export interface LoadProgress {
  readonly stage: "files" | "tokenizer" | "program" | "ready";
}

export interface LoadOptions {
  /** Where to run; "auto" (the default) takes the CPU. */
  readonly device?: "auto" | "cpu" | undefined;
  /** Threads that compute; default: the cores this process may use. */
  readonly threads?: number | undefined;
  /** Instruction set of the CPU kernels; default: DEADLIFT_ISA, else the best of this machine. */
  readonly isa?: string | undefined;
  /** Most tokens of one session; default and upper limit: what the model was made for. Memory is taken as it is used. */
  readonly contextSize?: number | undefined;
  /** Stops the loading. */
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((progress: LoadProgress) => void) | undefined;
}

const loadKeys = ["device", "threads", "isa", "contextSize", "signal", "onProgress"] as const;

export interface ChatOptions extends GenerateOptions {
  /** Functions the model may call, for templates that know tools. */
  readonly tools?: readonly Tool[] | undefined;
  /** Further variables of the chat template, e.g. `{ enable_thinking: false }`. */
  readonly variables?: Readonly<Record<string, unknown>> | undefined;
  /**
   * Read special tokens written inside a message's content as special tokens. Off by default: look-alikes in content
   * are plain text, so that what a user types cannot pose as the system.
   */
  readonly trustContent?: boolean | undefined;
}

const chatKeys = [...generateKeys, "tools", "variables", "trustContent"] as const;

/**
 * Opens a model as it was published and makes it ready to run. `name` is a folder in Hub layout (safetensors or GGUF)
 * or one file. Weights are mapped, not read: this takes milliseconds.
 */
export async function loadModel(name: string, options: LoadOptions = {}): Promise<Model> {
  checkLoadOptions(name, options);
  const startedAt = performance.now();
  const stage = (now: LoadProgress["stage"]) => {
    if (options.signal?.aborted) throw aborted(options.signal);
    options.onProgress?.({ stage: now });
  };
  stage("files");
  const opened = await openModel(name, { signal: options.signal });
  let backend: CpuBackend | undefined;
  try {
    stage("tokenizer");
    const tokenizer = await tokenizerOf(opened);
    stage("program");
    const program = fuse(record(opened.config));
    const weights = bindWeights(program, opened.tensors);
    backend = new CpuBackend({ threads: options.threads, isa: options.isa });
    const contextSize = options.contextSize ?? opened.config.contextLength;
    const executable = await backend.compile(program, weights, compileOptions(program, weights, contextSize));
    stage("ready");
    return new Model(
      { name, opened, tokenizer, program, backend, executable, contextSize },
      performance.now() - startedAt,
    );
  } catch (error) {
    await backend?.dispose();
    opened.close();
    throw error;
  }
}

/** The tokenizer of a model, without its weights. */
export async function loadTokenizer(name: string): Promise<Tokenizer> {
  const opened = await openModel(name);
  try {
    return await tokenizerOf(opened);
  } finally {
    opened.close();
  }
}

interface Parts {
  readonly name: string;
  readonly opened: OpenedModel;
  readonly tokenizer: Tokenizer;
  readonly program: Program;
  readonly backend: CpuBackend;
  readonly executable: Executable;
  readonly contextSize: number;
}

/** A model ready to run. Dispose of it (or `await using`) to give back its memory and files. */
export class Model {
  readonly #parts: Parts;
  readonly #runtime: Runtime;
  readonly #template: ChatTemplate | undefined;
  #disposed: Promise<void> | undefined;

  /** Use loadModel(). */
  constructor(
    parts: Parts,
    readonly loadMs: number,
  ) {
    this.#parts = parts;
    const { opened, tokenizer, executable, contextSize } = parts;
    this.#template = opened.chatTemplates.length > 0 ? chatTemplate(opened.chatTemplates, tokenizer) : undefined;
    this.#runtime = {
      scheduler: new Scheduler(executable),
      tokenizer,
      vocab: opened.config.vocab,
      contextSize,
      eos: endTokens(opened, tokenizer),
      defaults: opened.generation,
    };
  }

  get name(): string {
    return this.#parts.name;
  }

  get path(): string {
    return this.#parts.opened.path;
  }

  get format(): "safetensors" | "gguf" {
    return this.#parts.opened.format;
  }

  get config(): Config {
    return this.#parts.opened.config;
  }

  get licence(): string | undefined {
    return this.#parts.opened.licence;
  }

  /** Parameters the program reads; a tied output counts once. */
  get parameters(): number {
    const distinct = new Set(this.#parts.program.weights.map(({ name }) => this.#parts.opened.tensors.get(name)!));
    return [...distinct].reduce((sum, { shape }) => sum + shape.reduce((a, b) => a * b, 1), 0);
  }

  /** Most tokens of one session, prompt and answer together. */
  get contextSize(): number {
    return this.#parts.contextSize;
  }

  get backend(): { readonly name: string; readonly isa: string; readonly threads: number } {
    const { name, isa, threads } = this.#parts.backend;
    return { name, isa, threads };
  }

  get tokenizer(): Tokenizer {
    return this.#parts.tokenizer;
  }

  /** What a step runs, fused; `printProgram` lists it. */
  get program(): Program {
    return this.#parts.program;
  }

  /** It has a chat template. */
  get canChat(): boolean {
    return this.#template !== undefined;
  }

  /** Bytes of the mapped weight files. */
  get mappedBytes(): number {
    return this.#parts.opened.files.reduce((sum, { size }) => sum + size, 0);
  }

  /** Continues a text (begin token added as the tokenizer does) or a list of token ids (as it is). */
  generate(prompt: string | ArrayLike<number>, options: GenerateOptions = {}): Generation {
    this.#check();
    checkKeys(options, generateKeys, "generate");
    return generate(this.#runtime, () => this.#encode(prompt), options);
  }

  /** Answers a conversation, rendered by the model's own chat template. Throws NoChatTemplate when it has none. */
  chat(messages: readonly Message[], options: ChatOptions = {}): Generation {
    this.#check();
    checkKeys(options, chatKeys, "chat");
    return generate(this.#runtime, () => this.#renderChat(messages, options), options);
  }

  /** The model's logits after each token of a sequence: one row of `vocab` values per token. */
  async logits(tokens: ArrayLike<number>): Promise<Float32Array[]> {
    this.#check();
    const { scheduler } = this.#runtime;
    const session = scheduler.acquire([]);
    try {
      const results = await scheduler.extend(session, tokens, { logits: true, outputs: "all" });
      return results.map(({ logits }) => logits!);
    } finally {
      scheduler.release(session);
    }
  }

  /** Streaming read speed of this machine right now, with the model's threads: GB/s (10^9 bytes). */
  bandwidth(): Promise<number> {
    this.#check();
    return this.#parts.backend.bandwidth();
  }

  /** Ends running work within one step and gives back memory and files. May be called twice. */
  dispose(): Promise<void> {
    this.#disposed ??= this.#dispose();
    return this.#disposed;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.dispose();
  }

  async #dispose(): Promise<void> {
    const { executable, backend, opened } = this.#parts;
    await this.#runtime.scheduler.close();
    await executable.dispose();
    await backend.dispose();
    opened.close();
  }

  #check(): void {
    if (this.#disposed) throw new DeadliftError("Disposed", `model ${this.name} has been disposed`);
  }

  async #encode(prompt: string | ArrayLike<number>): Promise<Int32Array> {
    if (typeof prompt === "string") return this.tokenizer.encode(prompt);
    if (typeof prompt?.length === "number") return Int32Array.from(prompt);
    throw new DeadliftError("InvalidArgument", expected("a text or a list of token ids", "the prompt", prompt));
  }

  async #renderChat(messages: readonly Message[], options: ChatOptions): Promise<Int32Array> {
    if (!this.#template) {
      throw new DeadliftError("NoChatTemplate", `${this.name} has no chat template; use generate() to continue a text`);
    }
    const { tools, variables, trustContent = false } = options;
    const segments = this.#template.renderSegments(messages, { tools, variables });
    return this.tokenizer.encodeSegments(
      segments.map(({ text, content }) => ({ text, parseSpecial: trustContent || !content })),
    );
  }
}

function checkLoadOptions(name: unknown, options: LoadOptions): void {
  if (typeof name !== "string" || name === "") {
    throw new DeadliftError("InvalidArgument", expected("the path of a folder or file", "the model", name));
  }
  checkKeys(options, loadKeys, "loadModel");
  checkChoice("device", options.device, ["auto", "cpu"]);
  checkInteger("threads", options.threads, 1, 1024);
  checkInteger("contextSize", options.contextSize, 1);
}

function compileOptions(program: Program, weights: readonly Tensor[], contextSize: number): CompileOptions {
  const kvType = kvTypeFor(weights);
  const perToken = program.layers.reduce((sum, { kvHeads, headDim }) => sum + 2 * kvHeads * headDim, 0);
  const bytesPerToken = perToken * (kvType === "f32" ? 4 : 2);
  const affordable = Math.floor((totalmem() * KV_MEMORY_SHARE) / bytesPerToken);
  const tokens = Math.max(contextSize, Math.min(contextSize * MAX_CONTEXTS, affordable));
  return {
    pages: Math.ceil(tokens / PAGE_TOKENS) + 1,
    pageTokens: PAGE_TOKENS,
    maxTokens: MAX_STEP_TOKENS,
    maxOutputs: MAX_STEP_OUTPUTS,
    kvType,
  };
}

/** F32 files keep f32 keys and values, so that nothing the file holds is lost; f16 holds more than bf16 weights do. */
function kvTypeFor(weights: readonly Tensor[]): KvType {
  return weights.every(({ quant }) => quant === "F32") ? "f32" : "f16";
}

/** generation_config.json knows best which tokens end a turn, then config.json or GGUF, then the tokenizer. */
function endTokens(opened: OpenedModel, tokenizer: Tokenizer): readonly number[] {
  const lists = [opened.generation.eos, opened.config.tokens.eos, tokenizer.eos];
  return lists.find((list) => list !== undefined && list.length > 0) ?? [];
}

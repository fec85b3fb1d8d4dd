// A loaded model: what it is and what it can do.

import type { Message, Tool } from "./chat/template.js";
import type { Compiled } from "./compile.js";
import { DeadliftError, expected } from "./error.js";
import type { OpenedModel } from "./formats/open.js";
import { checkIds, checkPrompt, type GenerateOptions, generate, generateKeys, type Runtime } from "./generate.js";
import type { Generation } from "./generation.js";
import { countParameters } from "./inspect/count.js";
import { endTokens, type Templates } from "./language.js";
import type { HubSource } from "./locate.js";
import { checkInteger, checkKeys } from "./options.js";
import { measurePerplexity, type Perplexity, type PerplexityProgress } from "./perplexity.js";
import type { Config } from "./program/config.js";
import type { Program } from "./program/ops.js";
import type { Work } from "./program/work.js";
import { Scheduler } from "./scheduler.js";
import type { ClassifyInput, ClassifyOptions, LabelScore } from "./texts/classify.js";
import type { EmbedOptions } from "./texts/embed.js";
import type { RankedDocument, RerankOptions } from "./texts/rerank.js";
import type { Task } from "./texts/tasks.js";
import { TextTasks } from "./texts/text_tasks.js";
import type { TokenResult, TokensOptions } from "./texts/token_results.js";
import type { Tokenizer } from "./tokenizer/tokenizer.js";

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

export interface PerplexityOptions {
  /** Tokens of a window; default: 512, as llama.cpp. */
  readonly contextSize?: number | undefined;
  /** Also measure how far this model's distributions are from this one's (same vocabulary). */
  readonly base?: Model | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((progress: PerplexityProgress) => void) | undefined;
}

export interface Parts {
  readonly name: string;
  readonly source: HubSource | undefined;
  readonly opened: OpenedModel;
  readonly tokenizer: Tokenizer;
  readonly templates: Templates;
  readonly compiled: Compiled;
}

/** A model ready to run. Dispose of it (or `await using`) to give back its memory and files. */
export class Model {
  readonly #parts: Parts;
  readonly #runtime: Runtime;
  readonly #texts: TextTasks;
  #disposed: Promise<void> | undefined;

  /** Use loadModel(). */
  constructor(
    parts: Parts,
    readonly loadMs: number,
  ) {
    this.#parts = parts;
    const { opened, tokenizer, compiled } = parts;
    this.#runtime = {
      scheduler: new Scheduler(compiled.executable),
      tokenizer,
      vocab: opened.config.vocab,
      contextSize: compiled.contextSize,
      eos: endTokens(opened).length > 0 ? endTokens(opened) : tokenizer.eos,
      recurrent: compiled.program.states.length > 0,
      defaults: opened.generation,
    };
    this.#texts = new TextTasks(parts, this.#runtime);
  }

  get name(): string {
    return this.#parts.name;
  }

  /** Repository, revision and commit it came from; undefined for local paths. */
  get source(): HubSource | undefined {
    return this.#parts.source;
  }

  /** The folder or file that was opened. */
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

  /** A tied output counts once. */
  get parameters(): number {
    return Object.values(this.dtypes).reduce((a, b) => a + b, 0);
  }

  /** Most tokens of one session, prompt and answer together. */
  get contextSize(): number {
    return this.#parts.compiled.contextSize;
  }

  /** What it runs on: `isa` is the CPU's instruction set or the GPU adapter's name, `reason` why device "auto" took it. */
  get backend(): {
    readonly name: string;
    readonly isa: string;
    readonly threads: number;
    readonly reason: string | undefined;
  } {
    const { backend, reason } = this.#parts.compiled;
    const { name, isa, threads } = backend;
    return { name, isa, threads, reason };
  }

  get tokenizer(): Tokenizer {
    return this.#parts.tokenizer;
  }

  /** What a step runs, fused; `printProgram` lists it. */
  get program(): Program {
    return this.#parts.compiled.program;
  }

  /** What tokens cost it in operations and bytes, to compare with `peak` and `bandwidth`. */
  get work(): Work {
    return this.#parts.compiled.work;
  }

  /** Parameters of each type they are stored in. */
  get dtypes(): Readonly<Record<string, number>> {
    return countParameters(this.#parts.opened);
  }

  /** It has a chat template. */
  get canChat(): boolean {
    return this.#parts.templates.plain !== undefined;
  }

  /** What it can do: the methods that are not an error. */
  get tasks(): readonly Task[] {
    return this.#texts.tasks;
  }

  /** Throws UnsupportedTask, with what it can do instead. */
  checkTask(task: Task): void {
    this.#texts.check(task);
  }

  /** Names of the prompts that `embed` takes. */
  get prompts(): readonly string[] {
    return Object.keys(this.#parts.opened.modules?.prompts ?? {});
  }

  /** Bytes of the mapped weight files. */
  get mappedBytes(): number {
    return this.#parts.opened.files.reduce((sum, { size }) => sum + size, 0);
  }

  /** Continues a text (begin token added as the tokenizer does) or a list of token ids (as it is). */
  generate(prompt: string | ArrayLike<number>, options: GenerateOptions = {}): Generation {
    this.#check("generate");
    checkKeys(options, generateKeys, "generate");
    return generate(this.#runtime, () => this.#encode(prompt), options);
  }

  /** Answers a conversation, rendered by the model's own chat template. Throws NoChatTemplate when it has none. */
  chat(messages: readonly Message[], options: ChatOptions = {}): Generation {
    this.#check("generate");
    checkKeys(options, chatKeys, "chat");
    return generate(this.#runtime, () => this.#renderChat(messages, options), options);
  }

  /**
   * A vector for each text, of `dimensions` values; for one text its vector. Texts of any length share steps, off the main
   * thread. Throws UnsupportedTask, ContextOverflow (a text that is too long, without `truncate`), InvalidArgument.
   */
  embed(text: string, options?: EmbedOptions): Promise<Float32Array>;
  embed(texts: readonly string[], options?: EmbedOptions): Promise<Float32Array[]>;
  async embed(texts: string | readonly string[], options: EmbedOptions = {}) {
    this.#check();
    if (typeof texts !== "string") return this.#texts.embed(texts, options);
    return (await this.#texts.embed([texts], options))[0]!;
  }

  /** Documents by how well they answer a query, the best first. Throws UnsupportedTask, ContextOverflow. */
  async rerank(query: string, documents: readonly string[], options: RerankOptions = {}): Promise<RankedDocument[]> {
    this.#check();
    return this.#texts.rerank(query, documents, options);
  }

  /** The labels of a text, or of a pair of texts, the surest first. Throws UnsupportedTask, ContextOverflow. */
  async classify(text: ClassifyInput, options: ClassifyOptions = {}): Promise<LabelScore[]> {
    this.#check();
    return (await this.#texts.classify([text], options))[0]!;
  }

  /** What the model says of each token of a text: vectors, labels, or candidates for masks. Throws UnsupportedTask, ContextOverflow. */
  async tokens(text: string, options: TokensOptions = {}): Promise<TokenResult[]> {
    this.#check();
    return this.#texts.tokens(text, options);
  }

  /** The model's logits after each token of a sequence: one row of `vocab` values per token. */
  async logits(tokens: ArrayLike<number>): Promise<Float32Array[]> {
    this.#check("generate");
    const ids = await this.#encode(tokens);
    checkPrompt(ids, this.#runtime);
    const { scheduler } = this.#runtime;
    const session = scheduler.acquire([]);
    try {
      const results = await scheduler.extend(session, ids, { logits: true, outputs: "all" });
      return results.map(({ logits }) => logits!);
    } finally {
      scheduler.release(session);
    }
  }

  /**
   * Perplexity of a text (or of token ids), cut into windows as llama.cpp's tool cuts it. Throws InvalidArgument for a
   * text of fewer than two windows, or a base with another vocabulary.
   */
  async perplexity(text: string | ArrayLike<number>, options: PerplexityOptions = {}): Promise<Perplexity> {
    this.#check("generate");
    checkKeys(options, ["contextSize", "base", "signal", "onProgress"], "perplexity");
    checkInteger("contextSize", options.contextSize, 4, this.contextSize);
    const ids = await this.#encode(text);
    checkIds(ids, this.#runtime.vocab);
    return measurePerplexity(this.#runtime, ids, { ...options, base: this.#checkBase(options.base) });
  }

  #checkBase(base: Model | undefined): Runtime | undefined {
    if (base === undefined) return undefined;
    if (!(base instanceof Model)) throw new DeadliftError("InvalidArgument", expected("a model", "base", base));
    base.#check();
    if (base.config.vocab === this.config.vocab) return base.#runtime;
    const [ours, theirs] = [this.config.vocab, base.config.vocab];
    throw new DeadliftError(
      "InvalidArgument",
      `expected a base with ${ours} tokens as ${this.name} has, received ${theirs}`,
    );
  }

  /** Streaming read speed of this machine right now, with the model's threads: GB/s (10^9 bytes). */
  bandwidth(): Promise<number> {
    this.#check();
    return this.#parts.compiled.backend.bandwidth();
  }

  /** The most this machine multiplies and adds between registers, in f32 or, on AMX, bf16, with all threads: TFLOP/s. */
  peak(): Promise<number> {
    this.#check();
    return this.#parts.compiled.backend.peak();
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
    await this.#texts.close();
    await this.#runtime.scheduler.close();
    await this.#parts.compiled.dispose();
    this.#parts.opened.close();
  }

  /** Throws Disposed, UnsupportedTask. */
  #check(task?: Task): void {
    if (this.#disposed) throw new DeadliftError("Disposed", `model ${this.name} has been disposed`);
    if (task) this.#texts.check(task);
  }

  async #encode(prompt: string | ArrayLike<number>): Promise<Int32Array> {
    if (typeof prompt === "string") return this.tokenizer.encode(prompt);
    if (typeof prompt?.length === "number") return Int32Array.from(prompt);
    throw new DeadliftError("InvalidArgument", expected("a text or a list of token ids", "the prompt", prompt));
  }

  async #renderChat(messages: readonly Message[], options: ChatOptions): Promise<Int32Array> {
    const template = this.#parts.templates[options.tools ? "tools" : "plain"];
    if (!template) {
      throw new DeadliftError("NoChatTemplate", `${this.name} has no chat template; use generate() to continue a text`);
    }
    const { tools, variables, trustContent = false } = options;
    const segments = template.renderSegments(messages, { tools, variables });
    return this.tokenizer.encodeSegments(
      segments.map(({ text, content }) => ({ text, parseSpecial: trustContent || !content })),
    );
  }
}

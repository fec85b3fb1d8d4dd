// The loop: prefill, sample, stop.

import type { OutputResult } from "./backends/backend.js";
import { DeadliftError, expected } from "./error.js";
import { Generation, type GenerationResult, type Timings, type TokenLogprob } from "./generation.js";
import type { Sampled } from "./native.js";
import { checkChoice } from "./options.js";
import { createSampler, type SamplingDefaults, type SamplingOptions, samplingKeys } from "./sampling.js";
import { aborted, type Scheduler } from "./scheduler.js";
import type { Session } from "./session.js";
import { type Draft, Lookup, speculations } from "./speculate.js";
import { StopStrings } from "./stop.js";
import type { Tokenizer, TokenStream } from "./tokenizer/tokenizer.js";

export interface GenerateOptions extends SamplingOptions {
  /** Most tokens to make; default: the model's `max_new_tokens`, else until the context is full. */
  readonly maxTokens?: number | undefined;
  /** Texts that end the answer; they are not part of it. */
  readonly stop?: string | readonly string[] | undefined;
  /** Token ids that end the answer, instead of the model's own end tokens; [] never stops. */
  readonly stopTokens?: readonly number[] | undefined;
  /** Show special tokens in the text; default false. */
  readonly showSpecial?: boolean | undefined;
  /**
   * "ngram": guess tokens where the text repeats itself, and check several in one step. The tokens are the same as
   * without, in less time where the answer quotes the prompt or itself; guessing stops where it does not pay.
   */
  readonly speculate?: (typeof speculations)[number] | undefined;
  readonly signal?: AbortSignal | undefined;
}

const ownKeys = ["maxTokens", "stop", "stopTokens", "showSpecial", "speculate", "signal"] as const;
export const generateKeys = [...samplingKeys, ...ownKeys] as const;

/** What a generation needs of a loaded model. */
export interface Runtime {
  readonly scheduler: Scheduler;
  readonly tokenizer: Tokenizer;
  readonly vocab: number;
  /** Most tokens of one session, prompt and answer together. */
  readonly contextSize: number;
  /** Tokens that end an answer. */
  readonly eos: readonly number[];
  /** It has recurrent layers: tokens that were run cannot be taken back one by one. */
  readonly recurrent: boolean;
  readonly defaults: SamplingDefaults & { readonly maxTokens?: number | undefined };
}

/** Continues a prompt of token ids. */
export function generate(runtime: Runtime, prompt: () => Promise<Int32Array>, options: GenerateOptions): Generation {
  checkOptions(options, runtime);
  return new Generation(async (emit, left) => {
    const run = new Run(runtime, await prompt(), options, emit, left);
    return run.finish();
  });
}

/** One generation on its way. */
class Run {
  readonly #runtime: Runtime;
  readonly #prompt: Int32Array;
  readonly #options: GenerateOptions;
  readonly #emit: (text: string) => void;
  readonly #left: AbortSignal;
  readonly #signal: AbortSignal;
  readonly #stream: TokenStream;
  readonly #stops: StopStrings;
  readonly #tokens: number[] = [];
  readonly #logprobs: TokenLogprob[] | undefined;
  #text = "";
  #stop: string | undefined;
  #seed = 0n;
  #cached = 0;
  #drafted = 0;
  #accepted = 0;
  readonly #startedAt = performance.now();
  #firstAt = 0;

  constructor(
    runtime: Runtime,
    prompt: Int32Array,
    options: GenerateOptions,
    emit: (text: string) => void,
    left: AbortSignal,
  ) {
    this.#runtime = runtime;
    this.#prompt = prompt;
    this.#options = options;
    this.#emit = emit;
    this.#left = left;
    this.#signal = options.signal ? AbortSignal.any([options.signal, left]) : left;
    this.#stream = runtime.tokenizer.stream({ skipSpecial: !options.showSpecial });
    this.#stops = new StopStrings([options.stop ?? []].flat());
    if (options.logprobs !== undefined && options.logprobs !== false) this.#logprobs = [];
  }

  async finish(): Promise<GenerationResult> {
    checkPrompt(this.#prompt, this.#runtime);
    if (this.#options.signal?.aborted) throw aborted(this.#options.signal);
    const { scheduler } = this.#runtime;
    const session = scheduler.acquire(this.#prompt);
    this.#cached = session.length;
    try {
      return this.#result(await this.#loop(session));
    } catch (error) {
      const byConsumer = this.#left.aborted && !this.#options.signal?.aborted;
      if (byConsumer && error instanceof DeadliftError && error.code === "Aborted") return this.#result("aborted");
      throw error;
    } finally {
      scheduler.release(session);
    }
  }

  async #loop(session: Session): Promise<"stop" | "length"> {
    const { scheduler, vocab, contextSize, eos, defaults } = this.#runtime;
    const { sampler, seed } = createSampler(this.#options, defaults, vocab, this.#prompt);
    this.#seed = seed;
    const ends = new Set(this.#options.stopTokens ?? eos);
    const room = contextSize - this.#prompt.length;
    const limit = Math.min(room, this.#options.maxTokens ?? defaults.maxTokens ?? room);
    const lookup = this.#options.speculate ? new Lookup(this.#prompt, limit) : undefined;
    const extend = (tokens: ArrayLike<number>, draft?: Draft) =>
      scheduler.extend(session, tokens, { sampler, draft, signal: this.#signal });

    let step = extend(this.#prompt.subarray(session.length));
    for (let made = 0; ; ) {
      const sampled = this.#accept(await step);
      made += sampled.length;
      for (const { id } of sampled) lookup?.push(id);
      const isLast = made === limit || sampled.some(({ id }) => ends.has(id));
      if (!isLast) {
        // The next step runs while these tokens become text; if the text says stop, that step is in vain.
        step = extend([sampled.at(-1)!.id], lookup?.draft(limit - made - 1));
        step.catch(() => {});
      }
      for (const one of sampled) {
        this.#note(one);
        if (ends.has(one.id)) return this.#close("stop");
        if (!this.#push(this.#stream.push(one.id))) continue;
        if (!isLast) await step.catch(() => {});
        return "stop";
      }
      if (isLast) return this.#close("length");
    }
  }

  /** What a step has sampled: one token, and one for each guess that came true. */
  #accept(results: readonly OutputResult[]): Sampled[] {
    const sampled = results.flatMap((result) => result.sampled ?? []);
    this.#drafted += results.length - 1;
    this.#accepted += sampled.length - 1;
    return sampled;
  }

  #note(sampled: Sampled): void {
    if (this.#tokens.length === 0) this.#firstAt = performance.now();
    this.#tokens.push(sampled.id);
    this.#logprobs?.push({ id: sampled.id, logprob: sampled.logprob ?? Number.NaN, top: sampled.top ?? [] });
  }

  /** Emits what is safe to show; true when a stop string came. */
  #push(piece: string): boolean {
    const { text, stopped } = this.#stops.push(piece);
    this.#show(text);
    this.#stop = stopped;
    return stopped !== undefined;
  }

  /** The held-back ends of characters and possible stop strings. */
  #close(reason: "stop" | "length"): "stop" | "length" {
    if (this.#push(this.#stream.flush())) return "stop";
    this.#show(this.#stops.flush());
    // A stop string that waited for a longer one is decided only now.
    this.#stop = this.#stops.stopped;
    return this.#stop === undefined ? reason : "stop";
  }

  #show(text: string): void {
    this.#text += text;
    this.#emit(text);
  }

  #result(finishReason: GenerationResult["finishReason"]): GenerationResult {
    return {
      text: this.#text,
      tokens: this.#tokens,
      usage: {
        promptTokens: this.#prompt.length,
        cachedTokens: this.#cached,
        completionTokens: this.#tokens.length,
        draftedTokens: this.#drafted,
        acceptedTokens: this.#accepted,
      },
      finishReason,
      stop: this.#stop,
      seed: this.#seed,
      logprobs: this.#logprobs,
      timings: this.#timings(),
    };
  }

  #timings(): Timings {
    const firstTokenMs = (this.#firstAt || performance.now()) - this.#startedAt;
    const decodeMs = this.#firstAt ? performance.now() - this.#firstAt : 0;
    const perSecond = (count: number, ms: number) => (ms > 0 ? (count * 1000) / ms : 0);
    return {
      firstTokenMs,
      decodeMs,
      prefillTps: perSecond(this.#prompt.length - this.#cached, firstTokenMs),
      decodeTps: perSecond(Math.max(0, this.#tokens.length - 1), decodeMs),
    };
  }
}

function checkOptions({ maxTokens, stop, stopTokens, speculate }: GenerateOptions, { recurrent }: Runtime): void {
  checkChoice("speculate", speculate, speculations);
  if (speculate && recurrent) {
    throw new DeadliftError(
      "InvalidArgument",
      "speculate needs a model that can take back wrong guesses; the states of this one's recurrent layers cannot be rewound",
    );
  }
  if (maxTokens !== undefined && !(Number.isInteger(maxTokens) && maxTokens > 0)) {
    throw new DeadliftError("InvalidArgument", expected("a positive integer", "maxTokens", maxTokens));
  }
  if (![stop ?? []].flat().every((one) => typeof one === "string" && one !== "")) {
    throw new DeadliftError("InvalidArgument", expected("a non-empty string or a list of them", "stop", stop));
  }
  if (stopTokens !== undefined && !(Array.isArray(stopTokens) && stopTokens.every(Number.isInteger))) {
    throw new DeadliftError("InvalidArgument", expected("a list of token ids", "stopTokens", stopTokens));
  }
}

/** Native code trusts what passes here. Throws InvalidArgument or ContextOverflow. */
export function checkPrompt(prompt: Int32Array, { contextSize, vocab }: Runtime): void {
  if (prompt.length === 0) {
    throw new DeadliftError("InvalidArgument", "the prompt is empty and the model has no begin token to start from");
  }
  if (prompt.length >= contextSize) {
    throw new DeadliftError(
      "ContextOverflow",
      `the prompt has ${prompt.length} tokens, the context holds ${contextSize} (prompt and answer together); ` +
        "shorten the prompt or load the model with a larger contextSize",
    );
  }
  checkIds(prompt, vocab);
}

export function checkIds(ids: Int32Array, vocab: number): void {
  const wrong = ids.find((id) => id < 0 || id >= vocab);
  if (wrong !== undefined) {
    throw new DeadliftError("InvalidArgument", expected(`token ids from 0 to ${vocab - 1}`, "the prompt", wrong));
  }
}

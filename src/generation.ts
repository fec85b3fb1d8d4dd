// What `generate` and `chat` return: iterate it and it streams text, await it and it gives the whole result.

export type FinishReason =
  /** A stop token or a stop string came. */
  | "stop"
  /** maxTokens or the context was reached. */
  | "length"
  /** The consumer left the loop. */
  | "aborted";

export interface Usage {
  readonly promptTokens: number;
  /** Of the prompt tokens, those found in the KV cache. */
  readonly cachedTokens: number;
  readonly completionTokens: number;
  /** Guesses that were run, with `speculate`; else 0. */
  readonly draftedTokens: number;
  /** Of them, those that came true: tokens for which no step of their own was needed. */
  readonly acceptedTokens: number;
}

export interface Timings {
  /** From the request to the first token, in milliseconds. */
  readonly firstTokenMs: number;
  readonly decodeMs: number;
  /** Prompt tokens that were run, per second. */
  readonly prefillTps: number;
  /** Tokens after the first, per second. */
  readonly decodeTps: number;
}

export interface TokenLogprob {
  readonly id: number;
  /** Natural log of the token's probability under the model's own distribution. */
  readonly logprob: number;
  /** The most probable tokens, most probable first. */
  readonly top: readonly { readonly id: number; readonly logprob: number }[];
}

export interface GenerationResult {
  readonly text: string;
  /** Every token made, a stop token included (its text is not in `text`). */
  readonly tokens: readonly number[];
  readonly usage: Usage;
  readonly finishReason: FinishReason;
  /** The stop string that ended it, if one did. */
  readonly stop: string | undefined;
  /** The seed drawn or given: the same seed gives the same text. */
  readonly seed: bigint;
  /** One entry per token, when asked for. */
  readonly logprobs: readonly TokenLogprob[] | undefined;
  readonly timings: Timings;
}

/** Makes the text: hands pieces to `emit`, ends early when `left` aborts. */
export type Producer = (emit: (text: string) => void, left: AbortSignal) => Promise<GenerationResult>;

/**
 * A text in the making. Nothing runs until it is iterated or awaited; both may be done, in any order. Leaving the
 * loop ends the work within one step (finishReason "aborted").
 */
export class Generation implements AsyncIterable<string>, PromiseLike<GenerationResult> {
  readonly #produce: Producer;
  readonly #pieces: string[] = [];
  readonly #left = new AbortController();
  #result: Promise<GenerationResult> | undefined;
  #wake: () => void = () => {};
  #news: Promise<void> = Promise.resolve();

  constructor(produce: Producer) {
    this.#produce = produce;
  }

  // biome-ignore lint/suspicious/noThenProperty: awaiting a Generation is its public contract.
  then<A = GenerationResult, B = never>(
    onResult?: ((result: GenerationResult) => A | PromiseLike<A>) | null,
    onError?: ((error: unknown) => B | PromiseLike<B>) | null,
  ): Promise<A | B> {
    return this.#start().then(onResult, onError);
  }

  catch<B = never>(onError?: ((error: unknown) => B | PromiseLike<B>) | null): Promise<GenerationResult | B> {
    return this.#start().catch(onError);
  }

  finally(onEnd?: (() => void) | null): Promise<GenerationResult> {
    return this.#start().finally(onEnd);
  }

  /** Pieces of text as they become final; never half a character. */
  async *[Symbol.asyncIterator](): AsyncGenerator<string, void, undefined> {
    const result = this.#start();
    let ended = false;
    const mark = () => {
      ended = true;
      this.#wake();
    };
    result.then(mark, mark);
    try {
      for (let next = 0; ; ) {
        while (next < this.#pieces.length) yield this.#pieces[next++]!;
        if (ended) break;
        await this.#news;
      }
      await result;
    } finally {
      this.#left.abort();
    }
  }

  #start(): Promise<GenerationResult> {
    if (!this.#result) {
      this.#expectNews();
      this.#result = this.#produce((text) => this.#emit(text), this.#left.signal);
      this.#result.catch(() => {}); // whoever iterates or awaits gets the error; leaving the loop is no crash
    }
    return this.#result;
  }

  #emit(text: string): void {
    if (text === "") return;
    this.#pieces.push(text);
    this.#wake();
    this.#expectNews();
  }

  #expectNews(): void {
    this.#news = new Promise((resolve) => {
      this.#wake = resolve;
    });
  }
}

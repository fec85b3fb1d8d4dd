// Many sessions, one step at a time: gathers what all of them want next into one batch, honours aborts.

import type { Executable, Output, OutputResult, Span } from "./backends/backend.js";
import { DeadliftError } from "./error.js";
import type { Sampler } from "./native.js";
import type { PageCopies, Session } from "./session.js";
import { Sessions } from "./sessions.js";
import type { Draft } from "./speculate.js";
import { StepTimes } from "./step_times.js";

export interface ExtendOptions {
  readonly sampler?: Sampler | undefined;
  readonly logits?: boolean | undefined;
  /** Outputs wanted: of the last token (the default), or of every one of them. */
  readonly outputs?: "last" | "all" | undefined;
  /** With outputs "all": the id to score after each token. */
  readonly targets?: ArrayLike<number> | undefined;
  /** With targets: another model's logits after each token, to compare with. */
  readonly bases?: readonly Float32Array[] | undefined;
  /** Guesses at what comes after the last token. Those worth it run with it and have results; wrong ones no sample. */
  readonly draft?: Draft | undefined;
  /** Takes effect before the next step: the tokens of finished steps stay in the session. */
  readonly signal?: AbortSignal | undefined;
}

interface Request {
  readonly session: Session;
  readonly tokens: ArrayLike<number>;
  readonly options: ExtendOptions;
  done: number;
  readonly results: OutputResult[];
  readonly resolve: (results: OutputResult[]) => void;
  readonly reject: (error: unknown) => void;
}

/** What one step does for one request; its pages are reserved. */
interface Part {
  readonly request: Request;
  readonly count: number;
  readonly outputs: number;
  readonly copies: PageCopies;
  /** Further tokens, from the request's draft, each with an output. */
  guesses: number;
}

export class Scheduler {
  readonly #executable: Executable;
  readonly #sessions: Sessions;
  readonly #times: StepTimes;
  #requests: Request[] = [];
  #running: Promise<void> | undefined;
  #closed = false;

  constructor(executable: Executable, times = new StepTimes()) {
    this.#executable = executable;
    this.#sessions = new Sessions(executable.options);
    this.#times = times;
  }

  /**
   * A session that already holds as many of these tokens as some earlier one did, but never all of them: the last
   * token must still be run for its output. Give it back with `release`.
   */
  acquire(tokens: ArrayLike<number>): Session {
    return this.#sessions.acquire(tokens);
  }

  /** Keeps the session's pages for a later prompt that starts the same. */
  release(session: Session): void {
    this.#sessions.release(session);
  }

  /** Runs tokens at the end of a session; resolves with the outputs asked for. */
  extend(session: Session, tokens: ArrayLike<number>, options: ExtendOptions = {}): Promise<OutputResult[]> {
    return new Promise((resolve, reject) => {
      if (this.#closed) return reject(new DeadliftError("Disposed", "the model has been disposed"));
      this.#requests.push({ session, tokens, options, done: 0, results: [], resolve, reject });
      this.#running ??= this.#loop();
    });
  }

  /** Ends: waiting requests fail with Disposed, a running step is waited for. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#running;
  }

  async #loop(): Promise<void> {
    // Let everybody who wakes in this turn of the event loop ask before the batch is made.
    await Promise.resolve();
    while (this.#requests.length > 0) {
      this.#dropCancelled();
      const parts = this.#plan();
      if (parts.length > 0) await this.#step(parts);
    }
    this.#running = undefined;
  }

  #dropCancelled(): void {
    this.#requests = this.#requests.filter(({ options, reject }) => {
      if (this.#closed) reject(new DeadliftError("Disposed", "the model has been disposed"));
      else if (options.signal?.aborted) reject(aborted(options.signal));
      else return true;
      return false;
    });
  }

  /** Sessions that need one token go first, so that a long prompt beside them cannot starve them. */
  #plan(): Part[] {
    const { maxTokens, maxOutputs } = this.#executable.options;
    const rest = (request: Request) => request.tokens.length - request.done;
    const queue = [...this.#requests].sort((a, b) => Number(rest(a) > 1) - Number(rest(b) > 1));
    const parts: Part[] = [];
    let tokens = maxTokens;
    let outputs = maxOutputs;
    for (const request of queue) {
      if (tokens === 0 || outputs === 0) break;
      const all = request.options.outputs === "all";
      const count = Math.min(rest(request), tokens, all ? outputs : tokens, request.session.untilStop);
      const copies = this.#sessions.reserve(request.session, count);
      if (!copies) continue;
      const wanted = all ? count : Number(count === rest(request));
      parts.push({ request, count, outputs: wanted, copies, guesses: 0 });
      tokens -= count;
      outputs -= wanted;
    }
    if (parts.length === 0 && queue[0]) this.#fail(queue[0], this.#sessions.outOfPages());
    else this.#addGuesses(parts, Math.min(tokens, outputs));
    return parts;
  }

  /** Adds the guesses that are worth it to a step that only decodes, where there is room for `most`. */
  #addGuesses(parts: readonly Part[], most: number): void {
    if (parts.some(({ count, outputs }) => outputs < count)) return;
    const tokens = parts.reduce((sum, { count }) => sum + count, 0);
    const offers = parts.map(({ request }) => request.options.draft?.chances ?? []);
    const counts = this.#times.worthwhile(tokens, offers, most);
    parts.forEach((part, i) => {
      // Guesses never cost an idle session its pages.
      if (counts[i]! > 0 && part.request.session.reserve(part.count + counts[i]!)) part.guesses = counts[i]!;
    });
  }

  async #step(parts: Part[]): Promise<void> {
    try {
      const batch = await this.#prepare(parts);
      const startedAt = performance.now();
      const results = await this.#executable.run(batch);
      if (results.length === batch.tokens.length) this.#times.learn(results.length, performance.now() - startedAt);
      for (const part of parts) this.#settle(part, results.splice(0, part.outputs + part.guesses));
    } catch (error) {
      for (const { request } of parts) request.session.failed();
      if (!this.#runAgain(error)) for (const { request } of parts) this.#fail(request, error);
    }
    // Those who were answered may ask for their next token in time for the next batch.
    await new Promise(setImmediate);
  }

  /** Whether a step failed only because there are fewer pages than were promised: idle sessions give theirs up then. */
  #runAgain(error: unknown): boolean {
    const { code } = error as { code?: string };
    return code === "OutOfMemory" && this.#sessions.limit(this.#executable.options.pages);
  }

  async #prepare(parts: readonly Part[]) {
    const tokens: number[] = [];
    const spans: Span[] = [];
    const outputs: Output[] = [];
    for (const part of parts) {
      const { request, count, outputs: wanted, copies, guesses } = part;
      const { sampler, logits, targets, bases } = request.options;
      for (const [from, to] of copies) await this.#executable.copyPage(from, to);
      spans.push(request.session.span(count + guesses));
      for (let i = count - wanted; i < count + guesses; i++) {
        const scored = { target: targets?.[request.done + i], base: bases?.[request.done + i] };
        outputs.push({ token: tokens.length + i, sampler, guess: i >= count, logits, ...scored });
      }
      tokens.push(...tokensOf(part));
    }
    return { tokens: Int32Array.from(tokens), spans, outputs };
  }

  /** Takes up what a step has done for a request; wrong guesses are forgotten. */
  #settle(part: Part, results: readonly OutputResult[]): void {
    const { request, count, outputs } = part;
    const wrong = results.slice(outputs).filter(({ sampled }) => !sampled).length;
    request.session.append(tokensOf(part));
    request.session.rewind(request.session.length - wrong);
    request.done += count;
    request.results.push(...results);
    if (request.done === request.tokens.length) this.#finish(request);
  }

  #finish(request: Request): void {
    this.#requests.splice(this.#requests.indexOf(request), 1);
    request.resolve(request.results);
  }

  #fail(request: Request, error: unknown): void {
    this.#requests.splice(this.#requests.indexOf(request), 1);
    request.reject(error);
  }
}

/** What a part runs: tokens asked for, then guesses. */
function tokensOf({ request: { tokens, done, options }, count, guesses }: Part): number[] {
  const at = (i: number) => (i < count ? tokens[done + i]! : options.draft!.tokens[i - count]!);
  return Array.from({ length: count + guesses }, (_, i) => at(i));
}

export function aborted(signal: AbortSignal): DeadliftError {
  return new DeadliftError("Aborted", "the work was aborted by its signal", { cause: signal.reason });
}

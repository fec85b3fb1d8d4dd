// Runs texts that need no memory of each other: as many to a step as fit, of whoever asks, with nothing to fill them up.

import type { Executable, Span } from "../backends/backend.js";
import { DeadliftError } from "../error.js";
import { aborted } from "../scheduler.js";

/** A text to run. */
export interface EncoderText {
  readonly ids: Int32Array;
  /** 1: of the second text of a pair; default: all 0. */
  readonly segments?: Int32Array | undefined;
  /** Tokens whose results are wanted; default: the last, which stands for the text where states are pooled. */
  readonly outputs?: readonly number[] | undefined;
}

/** Rows for the outputs of one text, in their order. */
export type EncoderRows = readonly Float32Array[];

interface Job {
  readonly texts: readonly EncoderText[];
  readonly signal: AbortSignal | undefined;
  readonly rows: EncoderRows[];
  /** The first text that has not been run. */
  next: number;
  /** Texts that have been. */
  done: number;
  readonly resolve: (rows: readonly EncoderRows[]) => void;
  readonly reject: (error: unknown) => void;
}

/** What one step does: texts of jobs, in the order of the batch. */
type Part = readonly [job: Job, index: number];

export class Encoder {
  readonly #executable: Executable;
  readonly #stepTokens: number;
  #jobs: Job[] = [];
  #running: Promise<void> | undefined;
  #closed = false;

  /** `stepTokens`: as many a step as are worth it; a longer text has one of its own. */
  constructor(executable: Executable, stepTokens: number) {
    this.#executable = executable;
    this.#stepTokens = Math.min(stepTokens, executable.options.maxTokens);
  }

  /**
   * Rows of each text; each must fit a step. Several calls share steps, each gets its turn. An abort takes effect before
   * the next step. Throws Aborted, Disposed.
   */
  encode(texts: readonly EncoderText[], signal?: AbortSignal): Promise<readonly EncoderRows[]> {
    return new Promise((resolve, reject) => {
      if (this.#closed) return reject(disposed());
      if (texts.length === 0) return resolve([]);
      this.#jobs.push({ texts, signal, rows: new Array(texts.length), next: 0, done: 0, resolve, reject });
      this.#running ??= this.#loop();
    });
  }

  /** Ends: waiting texts fail with Disposed, a running step is waited for. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#running;
  }

  async #loop(): Promise<void> {
    // Let everybody who wakes in this turn of the event loop ask before the batch is made.
    await Promise.resolve();
    while (this.#jobs.length > 0) {
      this.#dropCancelled();
      const parts = this.#plan();
      if (parts.length > 0) await this.#step(parts);
    }
    this.#running = undefined;
  }

  #dropCancelled(): void {
    this.#jobs = this.#jobs.filter(({ signal, reject }) => {
      if (this.#closed) reject(disposed());
      else if (signal?.aborted) reject(aborted(signal));
      else return true;
      return false;
    });
  }

  /** A text of each job in turn, until the step is full. */
  #plan(): Part[] {
    const { maxOutputs } = this.#executable.options;
    const parts: Part[] = [];
    let tokens = this.#stepTokens;
    let outputs = maxOutputs;
    for (let waiting = this.#jobs; waiting.length > 0; ) {
      waiting = waiting.filter((job) => {
        const text = job.texts[job.next];
        if (!text) return false;
        const wanted = text.outputs?.length ?? 1;
        if (parts.length > 0 && (text.ids.length > tokens || wanted > outputs)) return false;
        parts.push([job, job.next++]);
        tokens -= text.ids.length;
        outputs -= wanted;
        return true;
      });
    }
    // The next step begins with somebody else.
    if (this.#jobs.length > 1) this.#jobs.push(this.#jobs.shift()!);
    return parts;
  }

  async #step(parts: readonly Part[]): Promise<void> {
    try {
      const results = await this.#executable.run(batchOf(parts, this.#executable.options.pageTokens));
      const rows = results.map(({ logits }) => logits!);
      for (const [job, index] of parts) {
        job.rows[index] = rows.splice(0, job.texts[index]!.outputs?.length ?? 1);
        job.done++;
      }
      for (const job of new Set(parts.map(([one]) => one))) {
        if (job.done === job.texts.length) this.#end(job, () => job.resolve(job.rows));
      }
    } catch (error) {
      for (const job of new Set(parts.map(([one]) => one))) this.#end(job, () => job.reject(error));
    }
  }

  #end(job: Job, tell: () => void): void {
    this.#jobs = this.#jobs.filter((one) => one !== job);
    tell();
  }
}

/** Every text has pages of its own, from the first page on: nothing is kept from step to step. */
function batchOf(parts: readonly Part[], pageTokens: number) {
  const texts = parts.map(([job, index]) => job.texts[index]!);
  const count = texts.reduce((sum, { ids }) => sum + ids.length, 0);
  const tokens = new Int32Array(count);
  const segments = texts.some((text) => text.segments) ? new Int32Array(count) : undefined;
  const outputs: { token: number; logits: true }[] = [];
  let at = 0;
  let page = 0;
  const spans = texts.map((text): Span => {
    const { ids, outputs: wanted = [ids.length - 1] } = text;
    tokens.set(ids, at);
    if (text.segments) segments!.set(text.segments, at);
    for (const token of wanted) outputs.push({ token: at + token, logits: true });
    at += ids.length;
    const pages = Int32Array.from({ length: Math.ceil(ids.length / pageTokens) }, () => page++);
    return { count: ids.length, position: 0, pages };
  });
  return { tokens, segments, spans, outputs };
}

function disposed(): DeadliftError {
  return new DeadliftError("Disposed", "the model has been disposed");
}

// An executable on paper: its "KV cache" holds token ids, and its next id is a hash of everything a sequence can see.
// Whatever goes wrong with pages, positions, forks or batching changes the hash. Its "states" are the ids before, too.

import type { Batch, CompileOptions, Executable, OutputResult } from "../../src/backends/backend.js";
import { DeadliftError } from "../../src/error.js";

export class PaperExecutable implements Executable {
  readonly batches: Batch[] = [];
  options: CompileOptions;
  readonly #pages: Int32Array[];
  readonly #states = new Map<number, number[]>(); // by slot
  /** Steps fail when they have written half of what they write. */
  failing = false;
  /** Pages that there are, if fewer than it says. */
  room = Number.POSITIVE_INFINITY;
  /** Called before each step. */
  beforeStep: () => void | Promise<void> = () => {};

  constructor(options: Partial<CompileOptions> = {}) {
    this.options = { pages: 64, pageTokens: 4, maxTokens: 16, maxOutputs: 8, kvType: "f32", ...options };
    this.#pages = Array.from({ length: this.options.pages }, () => new Int32Array(this.options.pageTokens).fill(-1));
  }

  async run(batch: Batch): Promise<OutputResult[]> {
    await this.beforeStep();
    if (batch.spans.some(({ pages }) => pages.some((page) => page >= this.room))) {
      this.options = { ...this.options, pages: this.room };
      throw new DeadliftError("OutOfMemory", "the device is full");
    }
    this.batches.push(batch);
    const { pageTokens } = this.options;
    const nextOf = new Map<number, number>();
    let at = 0;
    for (const { count, position, pages, state } of batch.spans) {
      const running = state?.from === undefined ? [] : [...this.#states.get(state.from)!];
      // Half of a step that fails has been written.
      if (state) this.#states.set(state.to, [-1]);
      for (let i = 0; i < count; i++, at++) {
        const place = position + i;
        this.#pages[pages[Math.floor(place / pageTokens)]!]![place % pageTokens] = batch.tokens[at]!;
        const seen = Array.from(
          { length: place + 1 },
          (_, p) => this.#pages[pages[Math.floor(p / pageTokens)]!]![p % pageTokens]!,
        );
        running.push(batch.tokens[at]!);
        nextOf.set(at, nextId(state ? running : seen));
      }
      if (this.failing) throw new Error("power cut");
      if (state) this.#states.set(state.to, running);
    }
    if (at !== batch.tokens.length) throw new Error("spans do not cover the tokens");
    let before: number | undefined;
    return batch.outputs.map(({ token, guess }) => {
      const id = guess && before !== batch.tokens[token] ? undefined : nextOf.get(token)!;
      before = id;
      return {
        sampled: id === undefined ? undefined : { id, logprob: undefined, top: undefined },
        logits: undefined,
        score: undefined,
      };
    });
  }

  async copyPage(from: number, to: number): Promise<void> {
    this.#pages[to]!.set(this.#pages[from]!);
  }

  async dispose(): Promise<void> {}
}

/** What follows a sequence on paper. */
export function nextId(sequence: ArrayLike<number>): number {
  let hash = 2166136261;
  for (let i = 0; i < sequence.length; i++) hash = Math.imul(hash ^ (sequence[i]! + 1), 16777619) >>> 0;
  return hash % 1000;
}

/** The first `count` ids that follow a prompt on paper. */
export function continuation(prompt: readonly number[], count: number): number[] {
  const sequence = [...prompt];
  for (let i = 0; i < count; i++) sequence.push(nextId(sequence));
  return sequence.slice(prompt.length);
}

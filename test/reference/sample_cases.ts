// Random but repeatable cases for samplers.

import { type NativeSamplerOptions, native, type Sampled } from "../../src/native.js";

/** Nothing but a draw. */
export const off: NativeSamplerOptions = {
  vocab: 1,
  temperature: 1,
  topK: 0,
  topP: 1,
  minP: 0,
  typicalP: 1,
  repetitionPenalty: 1,
  frequencyPenalty: 0,
  presencePenalty: 0,
  biasIds: new Int32Array(),
  biasValues: new Float32Array(),
  seed: 1n,
  logprobs: -1,
  history: new Int32Array(),
};

export function samplerOf(options: Partial<NativeSamplerOptions>): (logits: ArrayLike<number>) => Sampled {
  const sampler = native().samplerCreate({ ...off, ...options });
  return (logits) => native().samplerSample(sampler, Float32Array.from(logits));
}

/** Mulberry32: the same cases on every run. */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

export class Chance {
  readonly next: () => number;

  constructor(seed: number) {
    this.next = randomFrom(seed);
  }

  below(n: number): number {
    return Math.floor(this.next() * n);
  }

  of<T>(choices: readonly T[]): T {
    return choices[this.below(choices.length)]!;
  }

  ids(count: number, vocab: number): Int32Array {
    return Int32Array.from({ length: count }, () => this.below(vocab));
  }

  /** Rows as models and broken models give them. */
  row(vocab: number): Float32Array {
    const kind = this.of(["bell", "bell", "peaked", "ties", "bf16", "equal", "forbidden", "extreme", "broken"]);
    const bell = (spread: number) => (this.next() + this.next() + this.next() + this.next() - 2) * 1.7 * spread;
    return Float32Array.from({ length: vocab }, () => {
      if (kind === "peaked") return this.below(100) === 0 ? 10 + bell(2) : bell(2);
      if (kind === "ties") return this.below(5);
      if (kind === "bf16") return Math.round(bell(3) * 16) / 16;
      if (kind === "equal") return 0.25;
      if (kind === "forbidden") return this.below(3) ? -Infinity : bell(1);
      if (kind === "extreme") return this.of([1e30, -1e30, 3e38, -3e38, bell(1), 0, -0]);
      if (kind === "broken") return this.of([Number.NaN, Infinity, -Infinity, bell(1), bell(1), bell(1)]);
      return bell(this.of([0.01, 1, 1, 4]));
    });
  }

  options(vocab: number): NativeSamplerOptions {
    const biased = this.of([0, 0, 1, 3]);
    return {
      vocab,
      temperature: this.of([0, 1, 1, 0.1, 0.7, 1.8, 1e-6, 1e4]),
      topK: this.of([0, 0, 1, 2, 5, 40, 1000, vocab, vocab + 7]),
      topP: this.of([1, 1, 0.95, 0.9, 0.5, 0.1, 0, 0.9999]),
      minP: this.of([0, 0, 0.05, 0.3, 1]),
      typicalP: this.of([1, 1, 0.9, 0.5, 0.02]),
      repetitionPenalty: this.of([1, 1, 1.1, 2, 0.5]),
      frequencyPenalty: this.of([0, 0, 0.3, -0.2, 2]),
      presencePenalty: this.of([0, 0, 0.7, -0.5]),
      biasIds: Int32Array.from(new Set(this.ids(biased, vocab))).slice(0, biased),
      biasValues: Float32Array.from({ length: biased }, () => this.of([-Infinity, -2, 0.5, 5])),
      seed: (BigInt(this.below(2 ** 32)) << 32n) | BigInt(this.below(2 ** 32)),
      logprobs: this.of([-1, -1, 0, 1, 5, 20]),
      history: this.ids(this.of([0, 0, 3, 50]), vocab + 2),
    };
  }
}

// Runs a model's program on plain token ids: no tokenizer, no sampling options. What golden tests compare.

import { readFileSync } from "node:fs";
import { type Compiled, compile, type RunOptions } from "../../src/compile.js";
import { type OpenedModel, openModel } from "../../src/formats/open.js";
import { createSampler } from "../../src/sampling.js";
import { Scheduler } from "../../src/scheduler.js";
import { devices, onTarget } from "./targets.js";

export class Runner {
  private constructor(
    readonly opened: OpenedModel,
    readonly compiled: Compiled,
    readonly scheduler = new Scheduler(compiled.executable),
  ) {}

  static async open(path: string, options: RunOptions = {}): Promise<Runner> {
    const opened = await openModel(path);
    return new Runner(opened, await compile(opened, onTarget(options), {}, devices));
  }

  /** One row per token; `chunk` tokens a step. */
  async logits(tokens: readonly number[], chunk = tokens.length): Promise<Float32Array[]> {
    const session = this.scheduler.acquire([]);
    const rows: Float32Array[] = [];
    for (let at = 0; at < tokens.length; at += chunk) {
      const part = tokens.slice(at, at + chunk);
      const results = await this.scheduler.extend(session, part, { logits: true, outputs: "all" });
      rows.push(...results.map(({ logits }) => logits!));
    }
    session.rewind(0); // the next call must compute, not remember
    this.scheduler.release(session);
    return rows;
  }

  /** Greedy ids after a prompt. */
  async greedy(prompt: readonly number[], count: number): Promise<number[]> {
    const { vocab } = this.opened.config;
    const { sampler } = createSampler({ temperature: 0 }, {}, vocab, Int32Array.from(prompt));
    const session = this.scheduler.acquire(prompt);
    const ids: number[] = [];
    let tokens: readonly number[] = prompt.slice(session.length);
    while (ids.length < count) {
      const [result] = await this.scheduler.extend(session, tokens, { sampler });
      ids.push(result!.sampled!.id);
      tokens = ids.slice(-1);
    }
    this.scheduler.release(session);
    return ids;
  }

  async dispose(): Promise<void> {
    await this.scheduler.close();
    await this.compiled.dispose();
    this.opened.close();
  }
}

/** Runs `work` with a runner and disposes of it. */
export async function withRunner<T>(path: string, options: RunOptions, work: (run: Runner) => Promise<T>): Promise<T> {
  const runner = await Runner.open(path, options);
  try {
    return await work(runner);
  } finally {
    await runner.dispose();
  }
}

export function readJson<T>(path: string): T {
  return JSON.parse(readFileSync(path, "utf8")) as T;
}

/** Little-endian f32 values in base64. */
export function floats(base64: string): Float32Array {
  const bytes = Buffer.from(base64, "base64");
  return new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length));
}

export function largestDifference(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let largest = a.length === b.length ? 0 : Number.POSITIVE_INFINITY;
  for (let i = 0; i < a.length; i++) {
    const difference = Math.abs(a[i]! - b[i]!);
    // NaN must not pass as small.
    largest = difference <= largest ? largest : Number.isNaN(difference) ? Number.POSITIVE_INFINITY : difference;
  }
  return largest;
}

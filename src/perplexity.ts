// Perplexity of a text, and how far a model is from another one: the measure of what a format or a kernel loses.

import { DeadliftError } from "./error.js";
import type { Runtime } from "./generate.js";
import type { Score } from "./native.js";
import { aborted } from "./scheduler.js";

/** llama.cpp's default: what published figures were measured with. */
const DEFAULT_CONTEXT = 512;
/** Rows of a base model's logits that are in memory at once. */
const BASE_ROWS = 64;

export interface PerplexityProgress {
  /** Windows done, of how many. */
  readonly done: number;
  readonly total: number;
  /** Perplexity so far. */
  readonly perplexity: number;
}

/** All logarithms are natural. */
export interface Perplexity {
  /** Tokens that were foretold and scored. */
  readonly tokens: number;
  /** Mean negative log-likelihood of a token. */
  readonly nll: number;
  readonly perplexity: number;
  /** Standard error of `perplexity`. */
  readonly standardError: number;
  /** Tokens of a window; the second half of each is scored. */
  readonly contextSize: number;
  readonly windows: number;
  /** Against the base model, when one was given. */
  readonly base: BaseComparison | undefined;
}

export interface BaseComparison {
  readonly perplexity: number;
  /** Kullback-Leibler divergence of this model's distributions from the base's, over the scored tokens. */
  readonly divergence: {
    readonly mean: number;
    readonly median: number;
    readonly p99: number;
    readonly maximum: number;
  };
  /** Share of tokens for which both think the same id most probable. */
  readonly sameTop: number;
}

export interface PerplexityRun {
  readonly contextSize?: number | undefined;
  readonly base?: Runtime | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((progress: PerplexityProgress) => void) | undefined;
}

/**
 * Windowing of llama.cpp's perplexity tool: the text is cut into windows of `contextSize` tokens that do not overlap, a
 * rest is dropped; each begins with the begin token where the text does; the tokens of its second half are scored.
 */
export async function measurePerplexity(runtime: Runtime, text: Int32Array, run: PerplexityRun): Promise<Perplexity> {
  const { base, signal, onProgress } = run;
  const contextSize = run.contextSize ?? Math.min(DEFAULT_CONTEXT, runtime.contextSize);
  const total = countWindows(text, contextSize);
  const scores: Score[] = [];
  const baseScores: Score[] = [];
  for (let done = 0; done < total; done++) {
    if (signal?.aborted) throw aborted(signal);
    const window = text.slice(done * contextSize, (done + 1) * contextSize);
    if (text[0] === runtime.tokenizer.bos) window[0] = text[0]!;
    await scoreWindow(window, { runtime, base, signal, scores, baseScores });
    onProgress?.({ done: done + 1, total, perplexity: Math.exp(mean(scores.map(({ nll }) => nll))) });
  }
  return { ...summary(scores), contextSize, windows: total, base: base && compare(scores, baseScores) };
}

function countWindows(text: Int32Array, contextSize: number): number {
  if (text.length >= 2 * contextSize) return Math.floor(text.length / contextSize);
  throw new DeadliftError(
    "InvalidArgument",
    `expected a text of at least ${2 * contextSize} tokens (two windows of ${contextSize}), received ${text.length}; ` +
      "take a longer text or a smaller contextSize",
  );
}

interface WindowRun extends Pick<PerplexityRun, "signal"> {
  readonly runtime: Runtime;
  readonly base: Runtime | undefined;
  readonly scores: Score[];
  readonly baseScores: Score[];
}

async function scoreWindow(window: Int32Array, { runtime, base, signal, scores, baseScores }: WindowRun) {
  const first = Math.floor(window.length / 2);
  const session = runtime.scheduler.acquire([]);
  const baseSession = base?.scheduler.acquire([]);
  try {
    await runtime.scheduler.extend(session, window.subarray(0, first), { signal });
    if (baseSession) await base!.scheduler.extend(baseSession, window.subarray(0, first), { signal });
    const rows = base ? BASE_ROWS : window.length;
    for (let at = first; at < window.length - 1; at += rows) {
      const end = Math.min(at + rows, window.length - 1);
      const tokens = window.subarray(at, end);
      const options = { outputs: "all", targets: window.subarray(at + 1, end + 1), signal } as const;
      let bases: Float32Array[] | undefined;
      if (baseSession) {
        const results = await base!.scheduler.extend(baseSession, tokens, { ...options, logits: true });
        baseScores.push(...results.map(({ score }) => score!));
        bases = results.map(({ logits }) => logits!);
      }
      const results = await runtime.scheduler.extend(session, tokens, { ...options, bases });
      scores.push(...results.map(({ score }) => score!));
    }
  } finally {
    runtime.scheduler.release(session);
    if (baseSession) base!.scheduler.release(baseSession);
  }
}

function summary(scores: readonly Score[]): Pick<Perplexity, "tokens" | "nll" | "perplexity" | "standardError"> {
  const nll = mean(scores.map((score) => score.nll));
  const variance = mean(scores.map((score) => (score.nll - nll) ** 2));
  const perplexity = Math.exp(nll);
  const standardError = perplexity * Math.sqrt(variance / Math.max(1, scores.length - 1));
  return { tokens: scores.length, nll, perplexity, standardError };
}

function compare(scores: readonly Score[], baseScores: readonly Score[]): BaseComparison {
  const divergences = scores.map(({ divergence }) => divergence!).sort((a, b) => a - b);
  const quantile = (share: number) =>
    divergences[Math.min(divergences.length - 1, Math.floor(share * divergences.length))]!;
  return {
    perplexity: Math.exp(mean(baseScores.map(({ nll }) => nll))),
    divergence: {
      mean: mean(divergences),
      median: quantile(0.5),
      p99: quantile(0.99),
      maximum: divergences.at(-1)!,
    },
    sameTop: mean(scores.map(({ sameTop }) => Number(sameTop))),
  };
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

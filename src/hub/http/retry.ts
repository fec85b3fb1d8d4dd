// Tries again what may pass: waits as the Hub asks, else longer and longer.

import { setTimeout as delay } from "node:timers/promises";
import { DeadliftError } from "../../error.js";

/** Seconds between tries that nobody asked for, as Python waits. */
const backoffSeconds = [1, 2, 4, 8, 8];
const longestWaitMs = 60_000;

export interface RetryOptions {
  readonly signal?: AbortSignal | undefined;
  /** How often again after the first try; default 5. */
  readonly retries?: number;
  /** How often again where no connection is made at all; default 1: a machine that is offline should hear so soon. */
  readonly connectRetries?: number;
  /** A longer wait is not begun: the error is thrown at once. Milliseconds, default 60,000. */
  readonly maxWaitMs?: number;
  /** Called before each wait. */
  readonly onWait?: (waitMs: number, error: DeadliftError) => void;
  /** For tests: another clock, another chance. */
  readonly sleep?: (ms: number, signal?: AbortSignal) => Promise<unknown>;
  readonly random?: () => number;
}

/** What is known of an error beyond its code: whether to try again, and when. */
interface Advice {
  readonly again: boolean;
  /** No connection was made. */
  readonly unconnected?: boolean;
  readonly waitMs: number | undefined;
}

const advices = new WeakMap<Error, Advice>();

/** Marks an error as passing; `waitMs` is the wait that the server asked for. */
export function retryLater(error: DeadliftError, waitMs: number | undefined): DeadliftError {
  advices.set(error, { again: true, waitMs });
  return error;
}

/** Marks an error of the network that means that nobody was reached, and may pass when a network comes back. */
export function unconnected(error: DeadliftError): DeadliftError {
  advices.set(error, { again: true, unconnected: true, waitMs: undefined });
  return error;
}

/** Marks an error of the network that will not pass. */
export function neverRetry(error: DeadliftError): DeadliftError {
  advices.set(error, { again: false, waitMs: undefined });
  return error;
}

/** undefined: trying again is no use. `waitMs` undefined: nobody asked for a certain wait. */
export function retryAdvice(error: unknown): Pick<Advice, "waitMs" | "unconnected"> | undefined {
  if (!(error instanceof DeadliftError)) return undefined;
  const advice = advices.get(error);
  if (advice) return advice.again ? advice : undefined;
  return error.code === "Unreachable" ? { waitMs: undefined } : undefined;
}

/** The wait a busy server asks for, in milliseconds: RateLimit ("r=0;t=SECONDS"), else Retry-After in seconds. */
export function requestedWait(status: number, headers: Readonly<Record<string, string>>): number | undefined {
  const limit = /"\w+"\s*;\s*r\s*=\s*(\d{1,9})\s*;\s*t\s*=\s*(\d{1,9})(?!\d)/.exec(headers.ratelimit ?? "");
  // A second more: the window ends within the last one.
  if (status === 429 && limit && Number(limit[1]) === 0) return (Number(limit[2]) + 1) * 1000;
  const after = /^\s*(\d{1,9})\s*$/.exec(headers["retry-after"] ?? "");
  return after ? (Number(after[1]) + 1) * 1000 : undefined;
}

/**
 * The first success of `attempt`, which is given the number of tries before it.
 * Tries again after errors that may pass; throws the last one. Throws Aborted at once when the signal fires.
 */
export async function withRetries<T>(attempt: (n: number) => Promise<T>, options: RetryOptions = {}): Promise<T> {
  const { signal, retries = backoffSeconds.length, connectRetries = 1, maxWaitMs = longestWaitMs } = options;
  for (let n = 0; ; n++) {
    throwIfAborted(signal);
    try {
      return await attempt(n);
    } catch (error) {
      const advice = retryAdvice(error);
      if (!advice || n >= (advice.unconnected ? Math.min(retries, connectRetries) : retries)) throw error;
      const waitMs = advice.waitMs ?? backoff(n, options.random ?? Math.random);
      if (waitMs > maxWaitMs) throw error;
      options.onWait?.(waitMs, error as DeadliftError);
      await pause(waitMs, signal, options.sleep);
    }
  }
}

/** Throws Aborted when the signal has fired. */
export function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw aborted(signal);
}

export function aborted(signal: AbortSignal): DeadliftError {
  return new DeadliftError("Aborted", "the request to the Hub was aborted by its signal", { cause: signal.reason });
}

/** Milliseconds; up to a quarter more, so that many clients do not come back at the same moment. */
function backoff(n: number, random: () => number): number {
  return backoffSeconds[Math.min(n, backoffSeconds.length - 1)]! * 1000 * (1 + random() / 4);
}

async function pause(ms: number, signal: AbortSignal | undefined, sleep: RetryOptions["sleep"]): Promise<void> {
  try {
    await (sleep ? sleep(ms, signal) : delay(ms, undefined, { signal }));
  } catch (error) {
    throwIfAborted(signal);
    throw error;
  }
}

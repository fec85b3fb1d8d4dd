// Work in several parts that ends together: the first failure stops the others, and is the one that is thrown.

import { setMaxListeners } from "node:events";
import { DeadliftError } from "../../error.js";

/** A signal that fires when its parent does, or when one of the parts fails. To be unlinked in the end. */
export class LinkedAbort {
  readonly #controller = new AbortController();
  readonly #onAbort = () => this.#controller.abort(this.parent!.reason);

  constructor(private readonly parent: AbortSignal | undefined) {
    // Every connection listens.
    setMaxListeners(0, this.#controller.signal);
    if (parent?.aborted) this.#onAbort();
    parent?.addEventListener("abort", this.#onAbort, { once: true });
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  unlink(): void {
    this.parent?.removeEventListener("abort", this.#onAbort);
  }

  /** Throws Aborted, or what the others were stopped for. */
  check(): void {
    if (this.signal.aborted) throw aborted(this.signal);
  }

  /** Resolves when all parts have. Throws the first failure, when all have ended. */
  async all(parts: readonly Promise<unknown>[]): Promise<void> {
    let failure: { error: unknown } | undefined;
    const stopOthers = (error: unknown) => {
      failure ??= { error };
      this.#controller.abort(error);
    };
    await Promise.all(parts.map((part) => part.catch(stopOthers)));
    if (failure) throw failure.error;
  }
}

/** What `promise` gives, unless the signal fires first: then Aborted, and what the promise does later is nobody's concern. */
export async function orAborted<T>(signal: AbortSignal, promise: Promise<T>): Promise<T> {
  let leave = () => {};
  const stopped = new Promise<never>((_, reject) => {
    leave = () => reject(aborted(signal));
    signal.addEventListener("abort", leave, { once: true });
    if (signal.aborted) leave();
  });
  promise.catch(() => {});
  try {
    return await Promise.race([promise, stopped]);
  } finally {
    signal.removeEventListener("abort", leave);
  }
}

/** What stopped it: our own error as it is (a part that failed stops the others), anything else as Aborted. */
export function aborted(signal: AbortSignal): DeadliftError {
  const { reason } = signal;
  if (reason instanceof DeadliftError) return reason;
  return new DeadliftError("Aborted", "the download was aborted; what has come so far is kept for the next one", {
    cause: reason,
  });
}

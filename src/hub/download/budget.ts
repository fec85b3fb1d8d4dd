// How many connections all files of a download may use together, in order of asking.

import { aborted } from "./linked_abort.js";

export class Budget {
  #free: number;
  readonly #waiting: (() => void)[] = [];

  /** `connections`: at least 1. */
  constructor(readonly connections: number) {
    this.#free = connections;
  }

  /** Runs `work` when a connection is free. Throws Aborted when the signal comes first. */
  async use<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    await this.#take(signal);
    try {
      return await work();
    } finally {
      const next = this.#waiting.shift();
      if (next) next();
      else this.#free++;
    }
  }

  async #take(signal: AbortSignal): Promise<void> {
    if (signal.aborted) throw aborted(signal);
    if (this.#free > 0) {
      this.#free--;
      return;
    }
    await new Promise<void>((resolve, reject) => {
      const turn = () => {
        signal.removeEventListener("abort", leave);
        resolve();
      };
      const leave = () => {
        this.#waiting.splice(this.#waiting.indexOf(turn), 1);
        reject(aborted(signal));
      };
      this.#waiting.push(turn);
      signal.addEventListener("abort", leave, { once: true });
    });
  }
}

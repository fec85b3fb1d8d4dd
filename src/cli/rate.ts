// How fast a count grows just now.

/** Older samples say nothing about now. */
const WINDOW = 5000; // ms
const STEP = 250; // ms between samples that are kept

export class Rate {
  readonly #samples: { at: number; count: number }[] = [];

  /** `at` in ms, of a clock that runs evenly. */
  add(count: number, at: number): void {
    const kept = this.#samples.at(-2);
    if (kept && at - kept.at < STEP) this.#samples.pop();
    this.#samples.push({ at, count });
    while (this.#samples.length > 2 && at - this.#samples[0]!.at > WINDOW) this.#samples.shift();
  }

  /** 0 until there is something to tell. Falls when nothing comes any more. */
  perSecond(at: number): number {
    const [first, last] = [this.#samples[0], this.#samples.at(-1)];
    if (!first || !last || at - first.at < STEP) return 0;
    return Math.max(0, (1000 * (last.count - first.count)) / (at - first.at));
  }
}

// What a step of so many tokens takes, learned from those that ran, and so how many guesses are worth running with one.

/** Larger steps take time in proportion to their tokens: no guesses there. */
const MOST_TOKENS = 64;
/** Steps after which a time is forgotten: contexts grow, machines get busy, and a bad moment must not count for ever. */
const LIFETIME = 128;
/** Where nothing is known, a guess costs this share of what the step's own tokens cost each. Low, so that it is tried. */
const FIRST_COST = 1 / 8;
/** With guesses a step must promise so much more than without: times are noisy. */
const MARGIN = 1.1;

export class StepTimes {
  readonly #ms = new Float64Array(MOST_TOKENS + 1);
  readonly #learned = new Float64Array(MOST_TOKENS + 1).fill(-LIFETIME); // at which step
  #steps = 0;

  /** A step of `tokens`, each with an output, took so long. */
  learn(tokens: number, ms: number): void {
    this.#steps++;
    if (tokens > MOST_TOKENS) return;
    this.#ms[tokens] = this.#knows(tokens) ? this.#ms[tokens]! + (ms - this.#ms[tokens]!) / 4 : ms;
    this.#learned[tokens] = this.#steps;
  }

  /**
   * How many guesses of each offer to run in a step of `tokens`, each of which gives one for certain: as many, at most
   * `most` in all, as make the most tokens in the time. An offer is the chances of guesses, which never rise.
   */
  worthwhile(tokens: number, offers: readonly (readonly number[])[], most: number): number[] {
    const counts = offers.map(() => 0);
    if (!this.#knows(tokens)) return counts;
    const guesses = offers.flatMap((chances, offer) => chances.map((chance) => ({ offer, chance })));
    guesses.sort((a, b) => b.chance - a.chance);
    let [best, worth] = [(MARGIN * tokens) / this.#ms[tokens]!, 0];
    let expected = tokens;
    for (let i = 1; i <= Math.min(guesses.length, most, MOST_TOKENS - tokens); i++) {
      expected += guesses[i - 1]!.chance;
      const rate = expected / this.#estimate(tokens, tokens + i);
      if (rate > best) [best, worth] = [rate, i];
    }
    for (const { offer } of guesses.slice(0, worth)) counts[offer]!++;
    return counts;
  }

  #knows(tokens: number): boolean {
    return tokens <= MOST_TOKENS && this.#steps - this.#learned[tokens]! < LIFETIME;
  }

  /** Straight lines between the known times, of which `least` has one; beyond the last, that from `least` to it goes on. */
  #estimate(least: number, tokens: number): number {
    let below = tokens;
    while (!this.#knows(below)) below--;
    let above = tokens;
    while (above <= MOST_TOKENS && !this.#knows(above)) above++;
    const [from, to] = above <= MOST_TOKENS ? [below, above] : [least, below];
    const first = this.#ms[from]!;
    const slope = to > from ? Math.max(0, (this.#ms[to]! - first) / (to - from)) : (first / least) * FIRST_COST;
    return first + slope * (tokens - from);
  }
}

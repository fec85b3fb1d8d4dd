// Which states of a recurrent model are known of one timeline, and in which slots of a pool.

import type { StateSlots } from "./backends/backend.js";
import type { PagePool } from "./pages.js";

/** States kept of a timeline besides its newest: where later prompts may part from it. */
const MOST_KEPT = 4;

interface Known {
  /** Tokens after which it is the state. */
  readonly length: number;
  readonly slot: number;
  /** Not to be overwritten by the next step. */
  readonly kept: boolean;
}

/**
 * A state cannot be rewound: it is known only where a step ended, and only as long as no later step was written over
 * it. Prompts leave states that are kept, single tokens write over the one before.
 */
export class States {
  readonly #pool: PagePool;
  #known: Known[] = []; // shortest first
  #step: StateSlots | undefined;

  constructor(pool: PagePool) {
    this.#pool = pool;
  }

  /** The most tokens, up to `length`, from which a step can go on. */
  reach(length: number): number {
    return this.#known.filter((one) => one.length <= length).at(-1)?.length ?? 0;
  }

  /** Slots of the next step, which goes on from the newest state; undefined when the pool has none left. */
  reserve(): StateSlots | undefined {
    if (this.#step) return this.#step;
    const last = this.#known.at(-1);
    const own = last && !this.#pool.isShared(last.slot) ? last.slot : undefined;
    const to = (last?.kept ? undefined : own) ?? this.#pool.take() ?? own;
    if (to === undefined) return undefined;
    // What the step writes over is known no more: nobody may go on from it.
    if (to === own) this.#known.pop();
    this.#step = { from: last?.slot, to };
    return this.#step;
  }

  /** The step was run, and the timeline has `length` tokens now. */
  wrote(length: number, kept: boolean): void {
    this.#known.push({ length, slot: this.#step!.to, kept });
    this.#step = undefined;
    while (this.#known.length > MOST_KEPT + 1) this.#drop(this.#leastMissed());
  }

  /** The step has failed: what it wrote means nothing. */
  failed(): void {
    if (this.#step) this.#pool.release(this.#step.to);
    this.#step = undefined;
  }

  /** Forgets the states after more than `length` tokens. */
  rewind(length: number): void {
    while (this.#known.length > 0 && this.#known.at(-1)!.length > length) this.#drop(this.#known.length - 1);
  }

  /** The states after at most `length` tokens, for a second timeline. */
  fork(length: number): States {
    const twin = new States(this.#pool);
    twin.#known = this.#known.filter((one) => one.length <= length);
    for (const { slot } of twin.#known) this.#pool.share(slot);
    return twin;
  }

  /** Forgets all but the newest, which a step may be about to read; whether there were others. */
  forget(): boolean {
    const others = this.#known.length - 1;
    for (let i = 0; i < others; i++) this.#drop(0);
    return others > 0;
  }

  /** The one whose neighbours are closest together; the newest is not asked for. */
  #leastMissed(): number {
    const lengths = [0, ...this.#known.map(({ length }) => length)];
    const gaps = lengths.slice(2).map((length, i) => length - lengths[i]!);
    return gaps.indexOf(Math.min(...gaps));
  }

  #drop(index: number): void {
    const [{ slot }] = this.#known.splice(index, 1) as [Known];
    this.#pool.release(slot);
  }
}

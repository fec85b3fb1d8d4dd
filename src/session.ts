// One timeline of tokens over an executable: which tokens the KV cache holds, and in which pages.

import type { Span } from "./backends/backend.js";
import type { PagePool } from "./pages.js";
import type { States } from "./states.js";

/** Pages to copy before a session may write: [from, to] pairs. */
export type PageCopies = readonly (readonly [from: number, to: number])[];

export class Session {
  readonly #pool: PagePool;
  readonly #pageTokens: number;
  readonly #states: States | undefined;
  #tokens: number[] = [];
  #pages: number[] = [];
  #stop = 0;

  /** `states`: of a model with recurrent layers. */
  constructor(pool: PagePool, pageTokens: number, states?: States) {
    this.#pool = pool;
    this.#pageTokens = pageTokens;
    this.#states = states;
  }

  /** Tokens whose keys and values are in the cache. */
  get tokens(): readonly number[] {
    return this.#tokens;
  }

  get length(): number {
    return this.#tokens.length;
  }

  /** Pages that `reserve(count)` would take from the pool. */
  pagesFor(count: number): number {
    const added = Math.ceil((this.length + count) / this.#pageTokens) - this.#pages.length;
    return added + (this.#tailIsShared() ? 1 : 0);
  }

  /**
   * Makes room to write `count` more tokens: takes new pages and a private copy of a shared last page, and a slot for
   * states. Undefined when the pools have not enough of them (nothing has changed then). `over`: a state that was to be
   * kept may be written over.
   */
  reserve(count: number, over = false): PageCopies | undefined {
    if (this.pagesFor(count) > this.#pool.free) return undefined;
    if (this.#states && !this.#states.reserve(over)) return undefined;
    const copies: [number, number][] = [];
    if (this.#tailIsShared()) {
      const shared = this.#pages.pop()!;
      const own = this.#pool.take()!;
      this.#pages.push(own);
      copies.push([shared, own]);
      this.#pool.release(shared);
    }
    while (this.#pages.length * this.#pageTokens < this.length + count) this.#pages.push(this.#pool.take()!);
    return copies;
  }

  /** The part of a batch that appends `count` tokens; room must be reserved. */
  span(count: number): Span {
    return { count, position: this.length, pages: Int32Array.from(this.#pages), state: this.#states?.reserve() };
  }

  /** A step has written these tokens. */
  append(tokens: readonly number[]): void {
    for (const token of tokens) this.#tokens.push(token);
    this.#states?.wrote(this.length, tokens.length > 1);
  }

  /** The step that room was made for has failed. */
  failed(): void {
    this.#states?.failed();
    this.rewind(this.length);
  }

  /**
   * Forgets everything from position `length` on; with recurrent layers from the last known state before it on: go on
   * from `this.length`.
   */
  rewind(length: number): void {
    this.#tokens.length = this.#reach(length);
    this.#states?.rewind(this.length);
    const keep = Math.ceil(this.length / this.#pageTokens);
    for (const page of this.#pages.splice(keep)) this.#pool.release(page);
  }

  /** A second timeline, rewound to `length`; pages are shared until one of them writes. */
  fork(length = this.length): Session {
    const reached = this.#reach(length);
    const twin = new Session(this.#pool, this.#pageTokens, this.#states?.fork(reached));
    twin.#tokens = this.#tokens.slice(0, reached);
    twin.#pages = this.#pages.slice(0, Math.ceil(twin.length / this.#pageTokens));
    for (const page of twin.#pages) this.#pool.share(page);
    return twin;
  }

  dispose(): void {
    this.rewind(0);
  }

  /** Tokens at the start that `tokens` has too, and after which it can go on. */
  commonPrefix(tokens: ArrayLike<number>): number {
    return this.#reach(this.shared(tokens));
  }

  /** Tokens at the start that `tokens` has too. */
  shared(tokens: ArrayLike<number>): number {
    // A state after the last of them is of no use: that one must be run.
    const limit = Math.min(this.#states ? tokens.length - 1 : tokens.length, this.length);
    let i = 0;
    while (i < limit && tokens[i] === this.#tokens[i]) i++;
    return i;
  }

  /** Lets a step end at this length, so that the state there is known to later prompts that part from this one there. */
  stopAt(length: number): void {
    this.#stop = length;
  }

  /** Tokens that the next step may have. */
  get untilStop(): number {
    return this.#stop > this.length ? this.#stop - this.length : Number.POSITIVE_INFINITY;
  }

  /** Gives up states that were kept for other prompts; whether there were any. */
  forget(): boolean {
    return this.#states?.forget() ?? false;
  }

  #reach(length: number): number {
    const most = Math.min(length, this.length);
    return this.#states ? this.#states.reach(most) : most;
  }

  /** The next write would hit a page that another session also reads. */
  #tailIsShared(): boolean {
    if (this.length % this.#pageTokens === 0) return false;
    return this.#pool.isShared(this.#pages.at(-1)!);
  }
}

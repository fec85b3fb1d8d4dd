// One timeline of tokens over an executable: which tokens the KV cache holds, and in which pages.

import type { Span } from "./backends/backend.js";
import type { PagePool } from "./pages.js";

/** Pages to copy before a session may write: [from, to] pairs. */
export type PageCopies = readonly (readonly [from: number, to: number])[];

export class Session {
  readonly #pool: PagePool;
  readonly #pageTokens: number;
  #tokens: number[] = [];
  #pages: number[] = [];

  constructor(pool: PagePool, pageTokens: number) {
    this.#pool = pool;
    this.#pageTokens = pageTokens;
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
   * Makes room to write `count` more tokens: takes new pages and a private copy of a shared last page.
   * Undefined when the pool has not enough pages (nothing has changed then).
   */
  reserve(count: number): PageCopies | undefined {
    if (this.pagesFor(count) > this.#pool.free) return undefined;
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
    return { count, position: this.length, pages: Int32Array.from(this.#pages) };
  }

  /** A step has written these tokens. */
  append(tokens: Iterable<number>): void {
    for (const token of tokens) this.#tokens.push(token);
  }

  /** Forgets everything from position `length` on. */
  rewind(length: number): void {
    this.#tokens.length = Math.min(length, this.length);
    const keep = Math.ceil(this.length / this.#pageTokens);
    for (const page of this.#pages.splice(keep)) this.#pool.release(page);
  }

  /** A second timeline with the same first `length` tokens; pages are shared until one of them writes. */
  fork(length = this.length): Session {
    const twin = new Session(this.#pool, this.#pageTokens);
    twin.#tokens = this.#tokens.slice(0, length);
    twin.#pages = this.#pages.slice(0, Math.ceil(twin.length / this.#pageTokens));
    for (const page of twin.#pages) this.#pool.share(page);
    return twin;
  }

  dispose(): void {
    this.rewind(0);
  }

  /** Tokens at the start that `tokens` has too. */
  commonPrefix(tokens: ArrayLike<number>): number {
    const limit = Math.min(tokens.length, this.length);
    let i = 0;
    while (i < limit && tokens[i] === this.#tokens[i]) i++;
    return i;
  }

  /** The next write would hit a page that another session also reads. */
  #tailIsShared(): boolean {
    if (this.length % this.#pageTokens === 0) return false;
    return this.#pool.isShared(this.#pages.at(-1)!);
  }
}

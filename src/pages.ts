// Who owns which page of a KV cache: a free list and a count of owners per page.

/** Pages 0 .. count-1. A page with several owners may be read by all and written by none. */
export class PagePool {
  readonly #free: number[];
  readonly #owners: Int32Array;

  constructor(readonly count: number) {
    this.#owners = new Int32Array(count);
    // Lowest first, last freed first again: memory of a page is taken at its first write, so few pages are ever touched.
    this.#free = Array.from({ length: count }, (_, i) => count - 1 - i);
  }

  get free(): number {
    return this.#free.length;
  }

  /** A page with one owner, or undefined when none is left. */
  take(): number | undefined {
    const page = this.#free.pop();
    if (page !== undefined) this.#owners[page] = 1;
    return page;
  }

  /** One more owner. */
  share(page: number): void {
    this.#owners[page]!++;
  }

  /** One owner less; free when it was the last. */
  release(page: number): void {
    if (--this.#owners[page]! === 0) this.#free.push(page);
  }

  isShared(page: number): boolean {
    return this.#owners[page]! > 1;
  }
}

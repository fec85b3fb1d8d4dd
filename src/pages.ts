// Who owns which page of a KV cache: lists of free pages and a count of owners per page.

/** Pages 0 .. count-1. A page with several owners may be read by all and written by none. */
export class PagePool {
  // Lowest first, last freed first again: memory of a page is taken at its first write, so few pages are ever touched.
  #freed: number[] = [];
  /** The first page that was never taken; a list of those would be as long as a file says that a context is. */
  #next = 0;
  readonly #owners: Int32Array;
  #count: number;

  constructor(count: number) {
    this.#count = count;
    this.#owners = new Int32Array(count);
  }

  get count(): number {
    return this.#count;
  }

  /** There are only so many, as has turned out; those beyond them have no owner. Whether it was thought that there are more. */
  limit(count: number): boolean {
    if (count >= this.#count) return false;
    this.#count = count;
    this.#next = Math.min(this.#next, count);
    this.#freed = this.#freed.filter((page) => page < count);
    return true;
  }

  get free(): number {
    return this.#freed.length + this.#count - this.#next;
  }

  /** A page with one owner, or undefined when none is left. */
  take(): number | undefined {
    const page = this.#freed.pop() ?? (this.#next < this.#count ? this.#next++ : undefined);
    if (page !== undefined) this.#owners[page] = 1;
    return page;
  }

  /** One more owner. */
  share(page: number): void {
    this.#owners[page]!++;
  }

  /** One owner less; free when it was the last. */
  release(page: number): void {
    if (--this.#owners[page]! === 0) this.#freed.push(page);
  }

  isShared(page: number): boolean {
    return this.#owners[page]! > 1;
  }
}

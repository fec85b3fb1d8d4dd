// Which blocks of a file are written, which are on their way, and what to ask for next.

/** What a journal can tell apart: at most one of these per connection is downloaded again after a crash. */
export const blockBytes = 2 ** 20;

/** Bytes [start, end) of a file. */
export interface Range {
  readonly start: number;
  readonly end: number;
}

const free = 0;
const written = 1;
const taken = 2;

/** A file of `size` bytes in blocks; ranges that it hands out start at a block. */
export class Blocks {
  readonly #states: Uint8Array;
  #writtenBytes = 0;
  #frontier = 0;
  #cursor = 0;

  /** `journal`: a byte per block, 1 for those that are written; its length was checked. */
  constructor(
    readonly size: number,
    journal?: Uint8Array,
  ) {
    this.#states = new Uint8Array(blockCount(size));
    journal?.forEach((state, block) => {
      if (state === written) this.#write(block);
    });
  }

  /** Bytes in blocks that are written. */
  get writtenBytes(): number {
    return this.#writtenBytes;
  }

  get complete(): boolean {
    return this.#writtenBytes === this.size;
  }

  /** All bytes before this one are written. */
  get frontier(): number {
    while (this.#frontier < this.#states.length && this.#states[this.#frontier] === written) this.#frontier++;
    return Math.min(this.#frontier * blockBytes, this.size);
  }

  /** The first range of at most `bytes` (at least one block) that nobody fetches yet; undefined when there is none. */
  take(bytes: number): Range | undefined {
    const states = this.#states;
    while (this.#cursor < states.length && states[this.#cursor] !== free) this.#cursor++;
    const first = this.#cursor;
    if (first === states.length) return undefined;
    const limit = Math.min(states.length, first + Math.max(1, Math.floor(bytes / blockBytes)));
    let end = first;
    while (end < limit && states[end] === free) states[end++] = taken;
    return { start: first * blockBytes, end: Math.min(end * blockBytes, this.size) };
  }

  /** Gives a range back: its blocks that are not written are free again. */
  release({ start, end }: Range): void {
    const first = start / blockBytes;
    for (let block = first; block < blockCount(end); block++) {
      if (this.#states[block] === taken) this.#states[block] = free;
    }
    this.#cursor = Math.min(this.#cursor, first);
  }

  /** What a journal holds of the blocks [first, end). */
  journal(first: number, end: number): Uint8Array {
    return this.#states.slice(first, end).map((state) => (state === written ? written : free));
  }

  /** Bytes [start, to) are in the file, `start` at a block: the blocks [first, end) that are now whole. */
  reached(start: number, to: number): { first: number; end: number } {
    const first = start / blockBytes;
    const end = to === this.size ? this.#states.length : Math.floor(to / blockBytes);
    for (let block = first; block < end; block++) this.#write(block);
    return { first, end: Math.max(first, end) };
  }

  /** Nothing is written, nothing is taken. */
  clear(): void {
    this.#states.fill(free);
    this.#writtenBytes = 0;
    this.#frontier = 0;
    this.#cursor = 0;
  }

  #write(block: number): void {
    if (this.#states[block] === written) return;
    this.#states[block] = written;
    this.#writtenBytes += Math.min(blockBytes, this.size - block * blockBytes);
  }
}

export function blockCount(size: number): number {
  return Math.ceil(size / blockBytes);
}

const mib = 2 ** 20;

/** How much to ask for at once: few requests for large files, work for every connection in small ones. */
export function chunkBytes(size: number, connections: number): number {
  const share = size / (connections * 16);
  return Math.min(16, Math.max(4, Math.round(share / mib))) * mib;
}

// A file that is not complete yet: its bytes at their places, and beside it a journal of the blocks that are written.

import { type FileHandle, open, readFile, rename, rm, stat } from "node:fs/promises";
import { DeadliftError } from "../../error.js";
import { Blocks, blockBytes, blockCount, type Range } from "./blocks.js";

/** Where the bytes and the journal are; without a journal nobody can go on after a crash. */
export interface PartialPaths {
  readonly data: string;
  readonly journal: string | undefined;
}

/** What the bytes will be. */
export interface PartialIdentity {
  readonly etag: string;
  readonly size: number;
}

const headerBytes = 256;
/** A journal takes one byte for each MiB, so this one takes 16 MiB. No published file has a tenth of it. */
const maxFileBytes = 16 * 2 ** 40;

/** The header names the file and the block size: a journal of anything else is not used. */
function header({ etag, size }: PartialIdentity): Buffer {
  const text = JSON.stringify({ format: "deadlift partial 1", etag, size, block: blockBytes });
  return Buffer.from(`${text.padEnd(headerBytes - 1)}\n`);
}

async function readJournal(paths: PartialPaths, identity: PartialIdentity): Promise<Uint8Array | undefined> {
  if (paths.journal === undefined) return undefined;
  const length = headerBytes + blockCount(identity.size);
  try {
    if ((await stat(paths.data)).size !== identity.size || (await stat(paths.journal)).size !== length)
      return undefined;
    const journal = await readFile(paths.journal);
    const matches = journal.length === length && journal.subarray(0, headerBytes).equals(header(identity));
    return matches ? journal.subarray(headerBytes) : undefined;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

/** Bytes that an earlier download left and that need not come again. */
export async function partialBytes(paths: PartialPaths, identity: PartialIdentity): Promise<number> {
  checkSize(identity.size);
  const journal = await readJournal(paths, identity);
  return journal === undefined ? 0 : new Blocks(identity.size, journal).writtenBytes;
}

/** Throws LimitExceeded: a size is a number that somebody sent. */
function checkSize(size: number): void {
  if (Number.isSafeInteger(size) && size >= 0 && size <= maxFileBytes) return;
  throw new DeadliftError("LimitExceeded", `expected a file of at most ${maxFileBytes} bytes, received ${size}`);
}

/**
 * An open partial file. Only one process may have it open (the lock of its etag says who). A block is marked after its
 * bytes were handed to the operating system, which keeps both when the process is killed; what a power cut can lose
 * or mix up, the hash of the whole file finds.
 */
export class Partial {
  /** Blocks [first, end) that no write of the journal has taken yet. */
  #unmarked: { first: number; end: number } | undefined;
  /** The last write of the journal, begun or waiting for its turn. */
  #marking = Promise.resolve();
  #failure: unknown;

  private constructor(
    readonly paths: PartialPaths,
    readonly blocks: Blocks,
    private readonly data: FileHandle,
    private readonly journal: FileHandle | undefined,
  ) {}

  /** Goes on where an earlier download stopped, or starts. File system errors as they are. */
  static async open(paths: PartialPaths, identity: PartialIdentity): Promise<Partial> {
    checkSize(identity.size);
    const earlier = await readJournal(paths, identity);
    // In this order: marks must never describe bytes that are not there.
    if (earlier === undefined && paths.journal !== undefined) await rm(paths.journal, { force: true });
    const data = await open(paths.data, earlier === undefined ? "w+" : "r+");
    let journal: FileHandle | undefined;
    try {
      if (earlier === undefined) await data.truncate(identity.size);
      if (paths.journal !== undefined) journal = await openJournal(paths.journal, identity, earlier === undefined);
      return new Partial(paths, new Blocks(identity.size, earlier), data, journal);
    } catch (error) {
      await journal?.close();
      await data.close();
      throw error;
    }
  }

  get fd(): number {
    return this.data.fd;
  }

  /** Writes all of the buffers. */
  async write(buffers: Buffer[], position: number): Promise<void> {
    let rest = buffers;
    for (let at = position; rest.length > 0; ) {
      const { bytesWritten } = await this.data.writev(rest, at);
      if (bytesWritten === 0)
        throw new DeadliftError("FileUnreadable", `nothing more can be written to ${this.paths.data}`);
      at += bytesWritten;
      rest = after(rest, bytesWritten);
    }
  }

  /** Bytes [range.start, to) were written: marks the blocks that are whole. Throws what an earlier mark failed with. */
  reached(range: Range, to: number): void {
    if (this.#failure !== undefined) throw this.#failure;
    const { first, end } = this.blocks.reached(range.start, to);
    if (end > first) this.#mark(first, end);
  }

  /** Resolves when the journal has all blocks that were reached before. */
  marked(): Promise<void> {
    return this.#marking;
  }

  /** Forgets all that was written. */
  async clear(): Promise<void> {
    this.blocks.clear();
    this.#mark(0, blockCount(this.blocks.size));
    await this.#marking;
    if (this.#failure !== undefined) throw this.#failure;
  }

  async read(into: Buffer, position: number): Promise<number> {
    return (await this.data.read(into, 0, into.length, position)).bytesRead;
  }

  /** Ends all writing; bytes and journal stay for the next download, or go when no journal describes them. */
  async close(): Promise<void> {
    await this.#marking;
    await this.journal?.close();
    await this.data.close();
  }

  /** After close(): both files go. */
  async remove(): Promise<void> {
    if (this.paths.journal !== undefined) await rm(this.paths.journal, { force: true });
    await rm(this.paths.data, { force: true });
  }

  /** After close(): the bytes become the file at `path` in one step, then the journal goes. */
  async moveTo(path: string): Promise<void> {
    await rename(this.paths.data, path);
    if (this.paths.journal !== undefined) await rm(this.paths.journal, { force: true });
  }

  /** One write at a time takes all blocks that came since the last one. */
  #mark(first: number, end: number): void {
    const { journal } = this;
    if (journal === undefined) return;
    const waiting = this.#unmarked;
    this.#unmarked = { first: Math.min(first, waiting?.first ?? first), end: Math.max(end, waiting?.end ?? end) };
    if (waiting) return;
    const write = () => this.#writeMarks(journal);
    this.#marking = this.#marking.then(write).catch((error: unknown) => {
      this.#failure ??= error;
    });
  }

  async #writeMarks(journal: FileHandle): Promise<void> {
    const { first, end } = this.#unmarked!;
    this.#unmarked = undefined;
    const marks = this.blocks.journal(first, end);
    await journal.write(marks, 0, marks.length, headerBytes + first);
  }
}

async function openJournal(path: string, identity: PartialIdentity, fresh: boolean): Promise<FileHandle> {
  const journal = await open(path, fresh ? "w+" : "r+");
  try {
    if (fresh) await journal.write(Buffer.concat([header(identity), Buffer.alloc(blockCount(identity.size))]), 0);
    return journal;
  } catch (error) {
    await journal.close();
    throw error;
  }
}

/** The buffers without their first `bytes`. */
function after(buffers: Buffer[], bytes: number): Buffer[] {
  let skip = bytes;
  for (const [i, buffer] of buffers.entries()) {
    if (skip < buffer.length) return [buffer.subarray(skip), ...buffers.slice(i + 1)];
    skip -= buffer.length;
  }
  return [];
}

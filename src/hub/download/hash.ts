// Hashes a file while it is being written, following the bytes that are there from its start on.

import { HashThread } from "./hash_thread.js";
import { type FileHash, type HashedFile, LocalHash } from "./local_hash.js";

/** Below this, a thread costs more than it saves: hashing here takes some 2 ms (8 where the processor has no SHA). */
const smallBytes = 4 * 2 ** 20;

interface Hashing {
  hash(file: HashedFile): FileHash;
  close(): Promise<void>;
}

/** Hashes for all files of a download; to be closed in the end. */
export class FileHasher {
  #thread: Hashing | undefined;

  /** `startThread` is for tests. */
  constructor(private readonly startThread: () => Hashing = () => new HashThread()) {}

  hash(file: HashedFile): FileHash {
    if (file.size <= smallBytes) return new LocalHash(file);
    this.#thread ??= this.#start();
    return this.#thread.hash(file);
  }

  async close(): Promise<void> {
    await this.#thread?.close();
  }

  /** Node's permission model may forbid threads. */
  #start(): Hashing {
    try {
      return this.startThread();
    } catch {
      return { hash: (file) => new LocalHash(file), close: async () => {} };
    }
  }
}

// Hashes files of any size in little memory, in pieces short enough for the event loop.

import { createHash } from "node:crypto";
import { type FileHandle, open } from "node:fs/promises";
import { DeadliftError } from "../../error.js";

/** "git-sha1" is the name git has for a blob of these bytes. */
export type HashAlgorithm = "sha256" | "git-sha1";

/** Half a millisecond of hashing, two milliseconds where the processor has no instructions for it. */
const pieceBytes = 512 * 1024;

export interface HashOptions {
  readonly signal?: AbortSignal | undefined;
  /** Called with the length of each piece. */
  readonly onBytes?: (bytes: number) => void;
}

/** The hash of a regular file, in hexadecimal. Throws Aborted, Truncated when it shrinks meanwhile, and what the system says. */
export async function hashFile(path: string, algorithm: HashAlgorithm, options: HashOptions = {}): Promise<string> {
  const file = await open(path, "r");
  try {
    const { size } = await file.stat();
    const hash = createHash(algorithm === "sha256" ? "sha256" : "sha1");
    if (algorithm === "git-sha1") hash.update(`blob ${size}\0`);
    let hashed = 0;
    for await (const piece of pieces(file)) {
      options.signal?.throwIfAborted();
      hash.update(piece);
      hashed += piece.length;
      options.onBytes?.(piece.length);
    }
    if (hashed === size) return hash.digest("hex");
    throw new DeadliftError("Truncated", `${path} changed while it was read: expected ${size} bytes, found ${hashed}`);
  } catch (error) {
    if (!options.signal?.aborted) throw error;
    throw new DeadliftError("Aborted", `stopped while reading ${path}`, { cause: error });
  } finally {
    await file.close();
  }
}

/** Reads one piece ahead of the one that is being hashed. */
async function* pieces(file: FileHandle): AsyncGenerator<Buffer> {
  const buffers = [Buffer.allocUnsafe(pieceBytes), Buffer.allocUnsafe(pieceBytes)] as const;
  const read = (turn: number, at: number) => file.read(buffers[turn % 2]!, 0, pieceBytes, at);
  let reading = read(0, 0);
  try {
    for (let turn = 0, at = 0; ; turn++) {
      const { bytesRead } = await reading;
      if (bytesRead === 0) return;
      at += bytesRead;
      reading = read(turn + 1, at);
      yield buffers[turn % 2]!.subarray(0, bytesRead);
    }
  } finally {
    // The file is closed next.
    await reading.catch(() => undefined);
  }
}

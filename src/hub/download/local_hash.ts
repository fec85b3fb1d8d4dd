// Hashes a file in this thread, in pieces that leave the event loop free; and what every way of hashing files looks like.

import { createHash } from "node:crypto";
import { DeadliftError } from "../../error.js";

/** The hash of one file in the making. */
export interface FileHash {
  /** Bytes [0, to) are in the file and will not change. */
  advance(to: number): void;
  /** The hash of all bytes in hexadecimal, once advance() has reached the end; "" when it was closed before. */
  digest(): Promise<string>;
  /** Stops reading; only then may the file be closed. */
  close(): Promise<void>;
}

export interface HashedFile {
  readonly fd: number;
  readonly size: number;
  /** 64 hexadecimal digits: SHA-256; 40: the SHA-1 that git has for a blob. */
  readonly etag: string;
  read(into: Buffer, position: number): Promise<number>;
}

const pieceBytes = 2 ** 18;

export function algorithm({ etag, size }: HashedFile): { algorithm: string; prefix: string } {
  if (etag.length === 64) return { algorithm: "sha256", prefix: "" };
  return { algorithm: "sha1", prefix: `blob ${size}\0` };
}

/** Reads when all is there. */
export class LocalHash implements FileHash {
  #reading: Promise<string> | undefined;
  #closed = false;

  constructor(private readonly file: HashedFile) {}

  advance(): void {}

  digest(): Promise<string> {
    this.#reading ??= this.#read();
    return this.#reading;
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#reading?.catch(() => {});
  }

  async #read(): Promise<string> {
    const { size } = this.file;
    const { algorithm: name, prefix } = algorithm(this.file);
    const hash = createHash(name).update(prefix);
    const buffer = Buffer.allocUnsafe(Math.min(size, pieceBytes));
    for (let at = 0; at < size; ) {
      if (this.#closed) return "";
      const bytes = Math.min(await this.file.read(buffer, at), size - at);
      if (bytes === 0) throw new DeadliftError("FileUnreadable", `the file ends at ${at}, before its ${size} bytes`);
      hash.update(buffer.subarray(0, bytes));
      at += bytes;
    }
    return hash.digest("hex");
  }
}

// Hashes a file while it is being written, following the bytes that are there from its start on.

import { createHash, type Hash } from "node:crypto";
import { Worker } from "node:worker_threads";
import { DeadliftError } from "../../error.js";
import { hashSource } from "./hash_source.js";

/** The hash of one file in the making. */
export interface FileHash {
  /** Bytes [0, to) are in the file and will not change. */
  advance(to: number): void;
  /** The hash of all bytes in hexadecimal, once advance() has reached the end. */
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

/** Below this, a thread costs more than it saves: hashing here takes some 2 ms (5 where the processor has no SHA). */
const smallBytes = 4 * 2 ** 20;

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

interface Hashing {
  hash(file: HashedFile): FileHash;
  close(): Promise<void>;
}

function algorithm({ etag, size }: HashedFile): { algorithm: string; prefix: string } {
  if (etag.length === 64) return { algorithm: "sha256", prefix: "" };
  return { algorithm: "sha1", prefix: `blob ${size}\0` };
}

/** In this thread, in pieces that leave the event loop free, when all is there. */
class LocalHash implements FileHash {
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
    const { algorithm: name, prefix } = algorithm(this.file);
    const hash: Hash = createHash(name).update(prefix);
    const buffer = Buffer.allocUnsafe(Math.min(this.file.size, 2 ** 18));
    for (let at = 0; at < this.file.size && !this.#closed; ) {
      const bytes = await this.file.read(buffer, at);
      if (bytes === 0)
        throw new DeadliftError("Truncated", `a file of ${this.file.size} bytes ended at ${at} while it was checked`);
      hash.update(buffer.subarray(0, Math.min(bytes, this.file.size - at)));
      at += bytes;
    }
    return hash.digest("hex");
  }
}

type Answer = { id: number; hex?: string; error?: string; closed?: boolean };

/** Messages are sent for so many bytes at once. */
const stepBytes = 4 * 2 ** 20;

/** One thread for all files of a download. Where none can be started, files are hashed in this one. */
class HashThread implements Hashing {
  readonly #worker: Worker;
  readonly #files = new Map<number, (answer: Answer) => void>();
  #failed = false;
  #next = 0;

  constructor() {
    this.#worker = new Worker(hashSource, { eval: true, execArgv: [] });
    this.#worker.on("message", (answer: Answer) => this.#files.get(answer.id)?.(answer));
    this.#worker.on("error", () => this.#fail());
    this.#worker.on("exit", () => this.#fail());
  }

  hash(file: HashedFile): FileHash {
    const id = this.#next++;
    const answers = { hash: promise<string | undefined>(), closed: promise<void>() };
    this.#files.set(id, ({ hex, error, closed }) => {
      if (closed) answers.closed.resolve();
      else if (error !== undefined) answers.hash.reject(new DeadliftError("FileUnreadable", error));
      else answers.hash.resolve(hex);
    });
    const size = file.size;
    this.#send({ id, open: { fd: file.fd, size, ...algorithm(file) } });
    let told = 0;
    let local: LocalHash | undefined;
    let closed = false;
    return {
      advance: (to) => {
        if (to < size && to - told < stepBytes) return;
        told = to;
        this.#send({ id, to });
      },
      digest: async () => {
        if (this.#failed) answers.hash.resolve(undefined);
        const hex = await answers.hash.promise;
        if (hex !== undefined || closed) return hex ?? "";
        local ??= new LocalHash(file);
        return local.digest();
      },
      close: async () => {
        closed = true;
        answers.hash.resolve(undefined);
        this.#send({ id, close: true });
        if (!this.#failed) await answers.closed.promise;
        this.#files.delete(id);
        await local?.close();
      },
    };
  }

  async close(): Promise<void> {
    await this.#worker.terminate();
  }

  #send(message: object): void {
    if (!this.#failed) this.#worker.postMessage(message);
  }

  #fail(): void {
    this.#failed = true;
    for (const [id, answer] of this.#files) {
      answer({ id, closed: true });
      answer({ id });
    }
  }
}

function promise<T>() {
  let resolve!: (value: T) => void;
  let reject!: (error: Error) => void;
  const made = new Promise<T>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  // A hash that nobody asked for may fail.
  made.catch(() => {});
  return { promise: made, resolve, reject };
}

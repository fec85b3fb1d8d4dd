// A thread that hashes files while they are being written, so that nobody waits for it in the end.

import { Worker } from "node:worker_threads";
import { DeadliftError } from "../../error.js";
import { hashSource } from "./hash_source.js";
import { algorithm, type FileHash, type HashedFile, LocalHash } from "./local_hash.js";

interface Answer {
  readonly id: number;
  readonly hex?: string;
  readonly error?: string;
  readonly closed?: boolean;
}

/** Messages are sent for so many bytes at once. */
const stepBytes = 4 * 2 ** 20;

/** One thread for all files of a download. Throws where no thread may be started. */
export class HashThread {
  readonly #worker: Worker;
  readonly #files = new Map<number, ThreadHash>();
  #next = 0;
  failed = false;

  constructor() {
    this.#worker = new Worker(hashSource, { eval: true, execArgv: [] });
    this.#worker.on("message", (answer: Answer) => this.#files.get(answer.id)?.answered(answer));
    this.#worker.on("error", () => this.#fail());
    this.#worker.on("exit", () => this.#fail());
  }

  hash(file: HashedFile): FileHash {
    if (this.failed) return new LocalHash(file);
    const id = this.#next++;
    const hash = new ThreadHash(this, id, file);
    this.#files.set(id, hash);
    return hash;
  }

  send(message: object): void {
    if (!this.failed) this.#worker.postMessage(message);
  }

  forget(id: number): void {
    this.#files.delete(id);
  }

  async close(): Promise<void> {
    await this.#worker.terminate();
  }

  #fail(): void {
    this.failed = true;
    for (const [id, hash] of this.#files) hash.answered({ id, closed: true });
  }
}

class ThreadHash implements FileHash {
  readonly #hex = promise<string | undefined>();
  readonly #end = promise<void>();
  #told = 0;
  #closed = false;
  #local: LocalHash | undefined;

  constructor(
    private readonly thread: HashThread,
    private readonly id: number,
    private readonly file: HashedFile,
  ) {
    const { fd, size } = file;
    thread.send({ id, open: { fd, size, ...algorithm(file) } });
  }

  advance(to: number): void {
    if (to < this.file.size && to - this.#told < stepBytes) return;
    this.#told = to;
    this.thread.send({ id: this.id, to });
  }

  /** Where the thread has died, the file is hashed in this one. */
  async digest(): Promise<string> {
    const hex = await this.#hex.promise;
    if (hex !== undefined || this.#closed) return hex ?? "";
    this.#local ??= new LocalHash(this.file);
    return this.#local.digest();
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#hex.resolve(undefined);
    this.thread.send({ id: this.id, close: true });
    if (!this.thread.failed) await this.#end.promise;
    this.thread.forget(this.id);
    await this.#local?.close();
  }

  /** `closed`: nothing more is read, because close() said so or because the thread has died. */
  answered({ hex, error, closed }: Answer): void {
    if (error !== undefined) this.#hex.reject(new DeadliftError("FileUnreadable", error));
    else this.#hex.resolve(hex);
    if (closed) this.#end.resolve();
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

// The body of an answer on a direct connection: bytes lie where the kernel put them until they are written.

import type { Input, InputListener } from "./input.js";

/** Memory for bodies, used again and again. */
export interface BufferStore {
  take(): Buffer;
  give(buffer: Buffer): void;
}

/** What a body asks of its connection, while it has one. */
export interface BodySource {
  pause(): void;
  resume(): void;
  destroy(): void;
}

export class DirectBody implements Input {
  /** A megabyte out of the kernel takes a fifth of a millisecond. */
  readonly turnBytes = 2 ** 20;
  #buffer: Buffer;
  /** Of the buffer. */
  #filled = 0;
  #came = 0;
  #written = 0;
  /** Full buffers that are not written yet, with the number of bytes that came up to their ends. */
  readonly #lent: { buffer: Buffer; until: number }[] = [];
  #listener: InputListener | undefined;
  #early: Buffer | undefined;
  #broken: { cause: unknown } | undefined;
  paused = false;

  /** `early`: what came together with the head, not more than `length` bytes. */
  constructor(
    readonly length: number,
    early: Buffer,
    private source: BodySource | undefined,
    private readonly store: BufferStore,
  ) {
    this.#buffer = store.take();
    early.copy(this.#buffer);
    if (early.length > 0) this.#early = this.#took(early.length);
  }

  get complete(): boolean {
    return this.#came === this.length;
  }

  /** Where the next bytes go, while it is not complete. */
  get space(): Buffer {
    return this.#buffer.subarray(this.#filled, this.#filled + this.length - this.#came);
  }

  start(listener: InputListener): void {
    this.#listener = listener;
    if (this.#early) listener.onPiece(this.#early);
    this.#early = undefined;
    if (this.complete) listener.onEnd();
    else if (this.#broken) listener.onBroken(this.#broken.cause);
    else if (!this.paused) this.source?.resume();
  }

  /** So many bytes came into the space. */
  came(bytes: number): void {
    this.#listener!.onPiece(this.#took(bytes));
  }

  /** The connection goes on without it: all has come, or nothing more will. */
  end(cause?: unknown): void {
    this.source = undefined;
    if (!this.complete) this.#broken = { cause };
    if (this.complete) this.#listener?.onEnd();
    else this.#listener?.onBroken(cause);
  }

  pause(): void {
    this.paused = true;
    this.source?.pause();
  }

  resume(): void {
    this.paused = false;
    this.source?.resume();
  }

  written(bytes: number): void {
    this.#written += bytes;
    while (this.#lent[0] && this.#lent[0].until <= this.#written) this.store.give(this.#lent.shift()!.buffer);
  }

  destroy(): void {
    this.source?.destroy();
  }

  #took(bytes: number): Buffer {
    const piece = this.#buffer.subarray(this.#filled, this.#filled + bytes);
    this.#filled += bytes;
    this.#came += bytes;
    if (this.#filled === this.#buffer.length || this.complete) {
      this.#lent.push({ buffer: this.#buffer, until: this.#came });
      if (!this.complete) this.#buffer = this.store.take();
      this.#filled = 0;
    }
    return piece;
  }
}

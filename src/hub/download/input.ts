// Where bytes come from as they arrive: from an answer's stream, unpacked if need be; direct connections are another way.

import { pipeline, type Readable } from "node:stream";
import { createBrotliDecompress, createGunzip, createInflate } from "node:zlib";

/** Told of what comes, in order; after onEnd or onBroken nothing more is said. */
export interface InputListener {
  onPiece(piece: Buffer): void;
  onEnd(): void;
  /** The connection broke, or was destroyed. */
  onBroken(cause?: unknown): void;
}

export interface Input {
  /** What to take in one turn of the event loop, so that others get theirs however fast the network is. */
  readonly turnBytes: number;
  readonly paused: boolean;
  start(listener: InputListener): void;
  pause(): void;
  resume(): void;
  /** So many bytes more have been written: their memory may be used again. */
  written(bytes: number): void;
  destroy(): void;
}

/** The body of an answer. */
export class StreamInput implements Input {
  /** Each piece is memory of its own, which the collector has to find again. */
  readonly turnBytes = 2 ** 17;
  readonly #body: Readable;

  /** `encoding`: how the body is packed; undefined: not at all. */
  constructor(body: Readable, encoding?: string) {
    this.#body = encoding === undefined ? body : unpack(body, encoding);
  }

  get paused(): boolean {
    return this.#body.isPaused();
  }

  start(listener: InputListener): void {
    this.#body.on("data", (piece: Buffer) => listener.onPiece(piece));
    this.#body.on("end", () => listener.onEnd());
    this.#body.on("error", (cause) => listener.onBroken(cause));
    this.#body.on("close", () => listener.onBroken());
  }

  pause(): void {
    this.#body.pause();
  }

  resume(): void {
    this.#body.resume();
  }

  written(): void {}

  destroy(): void {
    this.#body.destroy();
  }
}

function unpack(body: Readable, encoding: string): Readable {
  const decoder =
    encoding === "br" ? createBrotliDecompress() : encoding === "deflate" ? createInflate() : createGunzip();
  // Errors of the body reach the decoder's reader, and a decoder that is destroyed destroys the body.
  return pipeline(body, decoder, () => {});
}

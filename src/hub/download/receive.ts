// Writes the body of an answer to its place in a file: in order, in large writes, never faster than the disk takes it.

import type { Input, InputListener } from "./input.js";
import { aborted } from "./linked_abort.js";

/** Written at once. */
const writeBytes = 2 ** 19;
/** Came and are not written yet, those of a write under way included; the connection waits beyond. */
const maxUnwrittenBytes = 2 * writeBytes;

export interface Target {
  /** Where the first byte goes. */
  readonly start: number;
  /** More bytes than up to here are refused. */
  readonly end: number;
  /** Resolves when the bytes are with the operating system. */
  write(buffers: Buffer[], position: number): Promise<void>;
  /** All bytes before `to` were written. */
  onWritten(to: number): void;
  /** So many bytes came. */
  onReceived(bytes: number): void;
  /** No byte for so long is a stall. */
  readonly stallMs: number;
  readonly signal: AbortSignal;
}

/** How the body ended: at its own end, with more than `end` bytes, or the connection broke or fell silent. */
export interface Received {
  readonly at: number;
  readonly how: "ended" | "tooLong" | "cut" | "stalled";
  readonly cause?: unknown;
}

/**
 * Resolves when the input is over and all that came is written; then the input is destroyed or used up.
 * Throws what writing throws, and Aborted.
 */
export function receive(input: Input, target: Target): Promise<Received> {
  return new Receiver(input, target).run();
}

class Receiver implements InputListener {
  #held: Buffer[] = [];
  #heldBytes = 0;
  /** Bytes before this one were received, or are written. */
  #received: number;
  #written: number;
  #writing = false;
  #turnBytes = 0;
  #resting = false;
  #over: Omit<Received, "at"> | undefined;
  #failure: { error: unknown } | undefined;
  #settle: (() => void) | undefined;
  readonly #watchdog: NodeJS.Timeout;

  constructor(
    private readonly input: Input,
    private readonly target: Target,
  ) {
    this.#received = target.start;
    this.#written = target.start;
    this.#watchdog = setTimeout(() => this.#stalled(), target.stallMs);
  }

  async run(): Promise<Received> {
    const { input, target } = this;
    const abort = () => this.#fail(aborted(target.signal));
    const over = new Promise<void>((resolve) => {
      this.#settle = resolve;
    });
    input.start(this);
    if (target.signal.aborted) abort();
    target.signal.addEventListener("abort", abort, { once: true });
    await over;
    target.signal.removeEventListener("abort", abort);
    if (this.#failure) throw this.#failure.error;
    return { at: this.#written, ...this.#over! };
  }

  onEnd(): void {
    this.#end({ how: "ended" });
  }

  onBroken(cause?: unknown): void {
    this.#end({ how: "cut", cause });
  }

  onPiece(piece: Buffer): void {
    if (this.#over) return;
    this.#watchdog.refresh();
    const fitting = Math.min(piece.length, this.target.end - this.#received);
    this.#received += fitting;
    this.#held.push(fitting === piece.length ? piece : piece.subarray(0, fitting));
    this.#heldBytes += fitting;
    try {
      this.target.onReceived(fitting);
    } catch (error) {
      this.#fail(error);
    }
    if (fitting < piece.length) this.#end({ how: "tooLong" });
    if (this.#over) return;
    if (this.#heldBytes >= writeBytes) this.#write();
    this.#turnBytes += fitting;
    if (this.#turnBytes >= this.input.turnBytes) this.#rest();
    if (this.#tooMuch) this.input.pause();
  }

  get #tooMuch(): boolean {
    return this.#received - this.#written >= maxUnwrittenBytes;
  }

  /** Until the next turn of the event loop. */
  #rest(): void {
    this.input.pause();
    if (this.#resting) return;
    this.#resting = true;
    setImmediate(() => {
      this.#resting = false;
      this.#turnBytes = 0;
      this.#goOn();
    });
  }

  #goOn(): void {
    if (this.#over || this.#resting || this.#tooMuch || !this.input.paused) return;
    // A wait for the disk is no stall of the network.
    this.#watchdog.refresh();
    this.input.resume();
  }

  #write(): void {
    if (this.#writing || this.#heldBytes === 0) return;
    const buffers = this.#held;
    const to = this.#written + this.#heldBytes;
    this.#held = [];
    this.#heldBytes = 0;
    this.#writing = true;
    this.target.write(buffers, this.#written).then(
      () => {
        this.#writing = false;
        this.input.written(to - this.#written);
        this.#written = to;
        this.#afterWrite(to);
      },
      (error: unknown) => {
        this.#writing = false;
        this.#fail(error);
      },
    );
  }

  #afterWrite(to: number): void {
    try {
      this.target.onWritten(to);
    } catch (error) {
      this.#fail(error);
    }
    if (this.#over) {
      this.#finish();
      return;
    }
    if (this.#heldBytes >= writeBytes) this.#write();
    this.#goOn();
  }

  #stalled(): void {
    if (this.input.paused) this.#watchdog.refresh();
    else this.#end({ how: "stalled" });
  }

  #end(over: Omit<Received, "at">): void {
    if (this.#over) return;
    this.#over = over;
    clearTimeout(this.#watchdog);
    if (over.how !== "ended") this.input.destroy();
    this.#finish();
  }

  #fail(error: unknown): void {
    this.#failure ??= { error };
    this.#held = [];
    this.#heldBytes = 0;
    if (this.#over) this.#finish();
    else this.#end({ how: "cut" });
  }

  /** Settles when nothing is left to write. */
  #finish(): void {
    this.#write();
    if (!this.#writing) this.#settle?.();
  }
}

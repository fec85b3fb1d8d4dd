// Brings the bytes of one file that are missing, by several connections at once, through everything that networks do.

import { DeadliftError } from "../../error.js";
import { type RetryOptions, retryLater, withRetries } from "../http/retry.js";
import { examine } from "./answers.js";
import type { Range } from "./blocks.js";
import type { Budget } from "./budget.js";
import type { Input } from "./input.js";
import { LinkedAbort } from "./linked_abort.js";
import type { Partial } from "./partial.js";
import { type Received, receive, type Target } from "./receive.js";
import type { Source } from "./source.js";

export interface TransferOptions {
  /** For messages: "FILE of REPO". */
  readonly name: string;
  readonly source: Source;
  readonly partial: Partial;
  readonly budget: Budget;
  /** What one request asks for. */
  readonly chunkBytes: number;
  readonly stallMs: number;
  readonly retry: RetryOptions;
  readonly signal: AbortSignal;
  /** More bytes came, or fewer count than before. */
  readonly onBytes: (bytes: number) => void;
  /** More blocks are written. */
  readonly onWritten: () => void;
  /** What was written so far is void. */
  readonly onRestart: () => void;
}

/** Not what was asked for: all connections of the file end, and it begins anew in this way. */
class Restart extends Error {
  constructor(
    readonly way: "whole" | "again",
    readonly why: string,
  ) {
    super(why);
  }
}

type Counters = Pick<Target, "onReceived" | "onWritten">;

/** A download that has begun outlasts a network that goes away for a while. */
const connectRetries = 5;

/** Answers that turned out to be of another length, before the Hub is not believed any more. */
const maxSpoiled = 3;

/**
 * Resolves when every byte is written. Throws Unreachable (how far it came; a later transfer goes on from there),
 * HubFailed for answers that make no sense, what the Hub says otherwise, Aborted, and file system errors as they are.
 */
export function transfer(options: TransferOptions): Promise<void> {
  return new Transfer(options).run();
}

class Transfer {
  readonly #size: number;
  /** Bytes that onBytes was told of, and those that were here. */
  #counted: number;

  constructor(private readonly options: TransferOptions) {
    const { blocks } = options.partial;
    this.#size = blocks.size;
    this.#counted = blocks.writtenBytes;
  }

  async run(): Promise<void> {
    const { blocks } = this.options.partial;
    let way: Restart["way"] = "again";
    for (let spoiled = 0; !blocks.complete; ) {
      try {
        await (way === "whole" ? this.#wholeFile() : this.#ranges());
        way = "again";
      } catch (error) {
        if (!(error instanceof Restart)) throw this.#described(error);
        way = error.way;
        if (way === "whole") continue;
        if (++spoiled === maxSpoiled) throw this.#failed("HubFailed", error.why);
        await this.#clear();
      }
    }
    this.options.onWritten();
  }

  async #ranges(): Promise<void> {
    const { partial, budget, chunkBytes, signal } = this.options;
    const { blocks } = partial;
    const lanes = Math.min(budget.connections, Math.ceil((this.#size - blocks.writtenBytes) / chunkBytes));
    const linked = new LinkedAbort(signal);
    const fetchNext = async () => {
      const range = blocks.take(chunkBytes);
      if (range) await this.#range(range, linked.signal).finally(() => blocks.release(range));
      return range !== undefined;
    };
    const lane = async () => {
      while (await budget.use(linked.signal, fetchNext));
    };
    await linked.all(Array.from({ length: lanes }, lane)).finally(() => linked.unlink());
  }

  /** All of a range; where a connection breaks, the next goes on. */
  async #range(range: Range, signal: AbortSignal): Promise<void> {
    const { partial, retry, onBytes, onWritten } = this.options;
    const target = {
      onReceived: (bytes: number) => {
        this.#counted += bytes;
        onBytes(bytes);
      },
      onWritten: (to: number) => {
        partial.reached(range, to);
        onWritten();
      },
    };
    const attempt = (at: number) => async (n: number) => {
      const rest = { start: at, end: range.end };
      const asked = at === 0 && range.end === this.#size ? undefined : rest;
      const { reply, answer } = await this.#ask(asked, n, signal);
      if (answer.kind === "whole" && asked !== undefined) {
        reply.discard();
        throw new Restart("whole", "ranges are not understood");
      }
      const body = reply.open(answer.kind === "whole" ? answer.encoding : undefined);
      const got = answer.kind === "whole" ? rest : answer.range;
      const received = await this.#receive(body, got, target, signal);
      return this.#judge(received, got.end, received.at > at, answer.kind);
    };
    for (let at = range.start; at < range.end; ) {
      at = await withRetries(attempt(at), { connectRetries, ...retry, signal });
    }
    // A connection asks for more when the journal has what it brought: a crash costs one chunk of each at most.
    await partial.marked();
  }

  /** One stream from the start on, where ranges are not understood. Blocks that are here come again all the same. */
  async #wholeFile(): Promise<void> {
    const { partial, budget, signal, retry, onBytes, onRestart } = this.options;
    const { blocks } = partial;
    const file = { start: 0, end: this.#size };
    const onWritten = (to: number) => {
      const before = blocks.writtenBytes;
      partial.reached(file, to);
      this.#counted += blocks.writtenBytes - before;
      onBytes(blocks.writtenBytes - before);
    };
    const attempt = async (n: number) => {
      // What was hashed may be written again: it counts no more.
      onRestart();
      const { reply, answer } = await this.#ask(undefined, n, signal);
      const before = blocks.writtenBytes;
      const body = reply.open(answer.kind === "whole" ? answer.encoding : undefined);
      const received = await this.#receive(body, file, { onReceived: () => {}, onWritten }, signal);
      this.#judge(received, this.#size, blocks.writtenBytes > before, "whole");
    };
    await budget.use(signal, () => withRetries(attempt, { connectRetries, ...retry, signal }));
  }

  /** An answer that can be used. */
  async #ask(asked: Range | undefined, n: number, signal: AbortSignal) {
    const reply = await this.options.source.ask(asked, n, signal);
    const answer = examine(reply, asked, this.#size);
    if (answer.kind !== "nonsense") return { reply, answer };
    reply.discard();
    this.options.source.forget(reply.url);
    throw retryLater(this.#failed("HubFailed", `${new URL(reply.url).host}: ${answer.why}`), undefined);
  }

  #receive(body: Input, range: Range, counters: Counters, signal: AbortSignal): Promise<Received> {
    const { partial, stallMs } = this.options;
    const write = (buffers: Buffer[], position: number) => partial.write(buffers, position);
    return receive(body, { ...range, ...counters, write, stallMs, signal });
  }

  /** Where to go on. Throws what may pass when nothing came, Restart when what came is not the file. */
  #judge({ at, how, cause }: Received, end: number, progress: boolean, kind: "range" | "whole"): number {
    if (how === "tooLong") throw new Restart("again", `more than the announced ${end} bytes came`);
    if (how === "ended" && kind === "whole" && at < end) {
      throw new Restart("again", `only ${at} of ${end} bytes came as the whole file`);
    }
    if (progress || at === end) return at;
    if (cause instanceof DeadliftError) throw cause;
    const why = how === "stalled" ? `nothing came for ${this.options.stallMs / 1000} s` : "the connection was closed";
    throw this.#failed("Unreachable", why, cause);
  }

  async #clear(): Promise<void> {
    const { partial, onBytes, onRestart } = this.options;
    await partial.clear();
    onRestart();
    onBytes(-this.#counted);
    this.#counted = 0;
  }

  #failed(code: "Unreachable" | "HubFailed", why: string, cause?: unknown): DeadliftError {
    const advice = code === "HubFailed" ? "; try again later" : "";
    return new DeadliftError(code, `${this.options.name} cannot be downloaded: ${why}${advice}`, { cause });
  }

  /** The error that ends the transfer, with the file's name and how far it came. */
  #described(error: unknown): unknown {
    if (!(error instanceof DeadliftError) || !["Unreachable", "HubFailed"].includes(error.code)) return error;
    const { name, partial } = this.options;
    const { message } = error.message.includes(name) ? error : this.#failed(error.code as "HubFailed", error.message);
    if (error.code === "HubFailed") return new DeadliftError("HubFailed", message, { cause: error });
    const state = `${partial.blocks.writtenBytes} of its ${this.#size} bytes are here`;
    const advice = "check the network and run it again: it goes on from there";
    return new DeadliftError("Unreachable", `${message}; ${state}; ${advice}`, { cause: error });
  }
}

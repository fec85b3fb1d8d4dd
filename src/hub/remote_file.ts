// Reads parts of one file of the Hub without downloading it: few ranged requests, counted, each part fetched once.

import type { Readable } from "node:stream";
import { pipeline } from "node:stream";
import { createGunzip } from "node:zlib";
import { DeadliftError, expected } from "../error.js";
import { examine } from "./download/answers.js";
import { discard, follow, type Reply, send } from "./http/http.js";
import { replyError } from "./http/replies.js";
import { readSentence } from "./http/rest.js";
import { type RetryOptions, retryLater, withRetries } from "./http/retry.js";
import type { HubSettings } from "./settings.js";

/** What went over the network; shared by the files of one task. */
export interface Traffic {
  /** A redirect to storage counts as one more. */
  requests: number;
  /** Of the answers' bodies. */
  bytes: number;
}

export interface RemoteFileOptions {
  readonly repo: string;
  readonly commit: string;
  readonly path: string;
  /** Bytes, as the Hub lists it. */
  readonly size: number;
  readonly settings: HubSettings;
  readonly traffic?: Traffic | undefined;
  /** The first request brings at least so many bytes from where it reads. */
  readonly firstBytes?: number | undefined;
  /** "raw" saves a redirect for texts; of LFS files it gives the pointer. */
  readonly route?: "resolve" | "raw" | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly retry?: Omit<RetryOptions, "signal"> | undefined;
}

/** Ranges are made of whole blocks. */
const blockBytes = 4096;
/** Longer ranges are not kept: who reads them reads on, not again. */
const maxKeptBytes = 2 ** 20;
/** Of a server that does not serve ranges, so much is read and thrown away before what is wanted. */
const maxSkippedBytes = 64 * 2 ** 20;

interface Range {
  readonly start: number;
  readonly end: number;
}

interface Kept extends Range {
  readonly bytes: Uint8Array;
}

/** One file of a commit, by ranges. */
export class RemoteFile {
  readonly path: string;
  readonly size: number;
  /** Of this file alone. */
  readonly traffic: Traffic = { requests: 0, bytes: 0 };
  readonly #options: RemoteFileOptions;
  readonly #url: string;
  /** A signed address is as good as a token for an hour: it stays in memory. */
  #signed: string | undefined;
  #kept: Kept | undefined;
  #firstBytes: number;

  constructor(options: RemoteFileOptions) {
    this.path = options.path;
    this.size = options.size;
    this.#options = options;
    this.#firstBytes = options.firstBytes ?? 0;
    const { settings, repo, commit, route = "resolve" } = options;
    const file = options.path.split("/").map(encodeURIComponent).join("/");
    this.#url = `${settings.endpoint}/${repo}/${route}/${commit}/${file}`;
  }

  get bytesRead(): number {
    return this.traffic.bytes;
  }

  /**
   * Bytes of the file. Throws InvalidArgument beyond its end, HubFailed for answers that make no sense, and what the
   * Hub or the network says: Gated, RepoNotFound, Unreachable, Offline, Aborted, ...
   */
  async read(offset: number, length: number): Promise<Uint8Array> {
    if (!(Number.isSafeInteger(offset) && Number.isSafeInteger(length) && offset >= 0 && length >= 0)) {
      throw new DeadliftError("InvalidArgument", expected("whole numbers", "offset and length", [offset, length]));
    }
    if (offset + length > this.size) {
      const what = `at most ${this.size} bytes, the size of ${this.path},`;
      throw new DeadliftError("InvalidArgument", expected(what, "offset + length", offset + length));
    }
    if (length === 0) return new Uint8Array();
    const kept = this.#kept;
    const start = kept && offset >= kept.start && offset <= kept.end ? Math.min(kept.end, offset + length) : offset;
    const head = start > offset ? kept!.bytes.subarray(offset - kept!.start, start - kept!.start) : undefined;
    if (head?.length === length) return head;
    const tail = (await this.#fetch(start, offset + length)).subarray(0, offset + length - start);
    return head ? Buffer.concat([head, tail]) : tail;
  }

  /** Bytes from `start` to at least `end`; a part of them is kept. */
  async #fetch(start: number, end: number): Promise<Uint8Array> {
    const wanted = Math.max(end, start + this.#firstBytes);
    const range = { start, end: Math.min(this.size, Math.ceil(wanted / blockBytes) * blockBytes) };
    this.#firstBytes = 0;
    const pieces: Buffer[] = [];
    const { retry, signal } = this.#options;
    await withRetries(() => this.#receive(range, pieces), { ...retry, signal });
    const bytes = pieces.length === 1 ? pieces[0]! : Buffer.concat(pieces);
    // What is left of an earlier range is kept together with what follows it, so that a header is read in one go.
    const before = this.#kept?.end === start ? this.#kept : undefined;
    const length = bytes.length + (before?.bytes.length ?? 0);
    if (length <= maxKeptBytes) {
      const whole = before ? Buffer.concat([before.bytes, bytes]) : bytes;
      this.#kept = { start: before?.start ?? start, end: range.end, bytes: whole };
    }
    return bytes;
  }

  /** Adds to `pieces` what is missing of a range. */
  async #receive(range: Range, pieces: Buffer[]): Promise<void> {
    let at = range.start + pieces.reduce((sum, { length }) => sum + length, 0);
    const asked = { start: at, end: range.end };
    const reply = await this.#ask(asked);
    const { body, skipped } = this.#open(reply, asked);
    let skip = skipped;
    try {
      for await (const piece of body as AsyncIterable<Buffer>) {
        const useful = piece.subarray(Math.min(skip, piece.length), skip + range.end - at);
        skip = Math.max(0, skip - piece.length);
        if (useful.length > 0) pieces.push(useful);
        at += useful.length;
        // Leaving closes the connection of an answer that would go on.
        if (at >= range.end) break;
      }
    } catch (error) {
      throw error instanceof DeadliftError ? error : this.#nonsense("what it sent as gzip is none", error);
    } finally {
      reply.body.destroy();
    }
    if (at >= range.end) return;
    const got = `${at - asked.start} of ${asked.end - asked.start} bytes`;
    const host = new URL(reply.url).host;
    throw new DeadliftError("Unreachable", `${host} sent ${got} of ${this.path} and closed the connection`);
  }

  /** The body of an answer that can be used, and how much of it comes before the range. */
  #open(reply: Reply, asked: Range): { body: Readable; skipped: number } {
    const answer = examine(reply, asked, this.size);
    if (answer.kind === "range") return { body: this.#counted(reply.body), skipped: 0 };
    const unusable = answer.kind === "nonsense" ? answer.why : unusableWhole(answer.encoding, asked);
    if (unusable !== undefined) {
      discard(reply);
      throw this.#nonsense(unusable);
    }
    const zipped = answer.kind === "whole" && answer.encoding !== undefined;
    const body = this.#counted(reply.body);
    return { body: zipped ? pipeline(body, createGunzip(), () => {}) : body, skipped: asked.start };
  }

  #counted(body: Readable): Readable {
    return body.on("data", (piece: Buffer) => this.#count(0, piece.length)).pause();
  }

  #count(requests: number, bytes: number): void {
    for (const traffic of [this.traffic, this.#options.traffic]) {
      if (!traffic) continue;
      traffic.requests += requests;
      traffic.bytes += bytes;
    }
  }

  /** An answer with 200, 206 or 416. Throws what any other says. */
  async #ask(range: Range): Promise<Reply> {
    const { settings, signal, repo, commit } = this.#options;
    const headers = { range: `bytes=${range.start}-${range.end - 1}` };
    if (this.#signed !== undefined) {
      this.#count(1, 0);
      const reply = await send({ url: this.#signed, headers, signal }, settings);
      if (isUsable(reply.status)) return reply;
      discard(reply);
      // It has expired, or leads elsewhere now.
      this.#signed = undefined;
    }
    this.#count(1, 0);
    const reply = await follow({ url: this.#url, headers, signal }, settings);
    if (reply.url !== this.#url) this.#count(1, 0);
    const onHub = new URL(reply.url).host === new URL(settings.endpoint).host;
    if (isUsable(reply.status)) {
      if (!onHub) this.#signed = reply.url;
      return reply;
    }
    const error = replyError(reply, { repo, revision: commit, file: this.path }, settings, await readSentence(reply));
    if (onHub || error.code === "RateLimited" || reply.status >= 500) throw error;
    const why = `${new URL(reply.url).host} refuses ${this.path} of ${repo} (status ${reply.status})`;
    throw retryLater(new DeadliftError("HubFailed", `${why} under an address that the Hub just gave`), undefined);
  }

  #nonsense(why: string, cause?: unknown): DeadliftError {
    const { repo } = this.#options;
    return new DeadliftError("HubFailed", `${this.path} of ${repo} cannot be read in parts: ${why}`, { cause });
  }
}

function unusableWhole(encoding: string | undefined, asked: Range): string | undefined {
  if (encoding !== undefined && !/^(x-)?gzip$/.test(encoding)) return `it came as ${encoding.slice(0, 40)}`;
  if (asked.start <= maxSkippedBytes) return undefined;
  return `asked for bytes from ${asked.start} on, the server sends the whole file`;
}

function isUsable(status: number): boolean {
  return status === 200 || status === 206 || status === 416;
}

// A connection to the CDN that reads bodies straight into the buffers they are written from: nothing is copied, and nothing
// is left for the garbage collector. Of what a download costs the processor, this saves about half.

import { connect, isIP, type OnReadOpts, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import { DeadliftError } from "../../error.js";
import { networkError } from "../http/network_error.js";
import type { Range } from "./blocks.js";
import { type BodySource, type BufferStore, DirectBody } from "./direct_body.js";
import { type DirectHead, parseHead, plainLength } from "./direct_head.js";
import { aborted } from "./linked_abort.js";

/** As in undici. */
const maxHeadBytes = 16_384;

export interface DirectAsk {
  /** Never of a host that must know who asks. */
  readonly url: URL;
  readonly range: Range;
  readonly userAgent: string;
  /** To the end of the answer's head. */
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

export interface DirectAnswer extends DirectHead {
  /** undefined: not one that can be read here, so the connection is closed. */
  readonly body: DirectBody | undefined;
}

/** What its owner wants to know. */
export interface ConnectionOwner extends BufferStore {
  /** It can be asked again. */
  onIdle(connection: DirectConnection): void;
  /** It cannot, ever. */
  onClosed(connection: DirectConnection): void;
}

/** Takes one request at a time. */
export class DirectConnection implements BodySource {
  readonly #socket: Socket;
  readonly #head = Buffer.allocUnsafe(maxHeadBytes);
  #headBytes = 0;
  #waiting: { resolve(answer: DirectAnswer): void; reject(error: unknown): void } | undefined;
  #body: DirectBody | undefined;
  #keepAlive = false;
  #paused = false;
  #error: Error | undefined;

  constructor(
    private readonly url: URL,
    private readonly owner: ConnectionOwner,
  ) {
    this.#socket = open(url, { buffer: () => this.#space(), callback: (bytes) => this.#read(bytes) });
    this.#socket.setNoDelay(true);
    this.#socket.on("error", (error) => {
      this.#error = error;
    });
    this.#socket.on("close", () => this.#closed());
  }

  get origin(): string {
    return this.url.origin;
  }

  /** One request, one answer. Throws Unreachable, Aborted; then it is closed. */
  async request({ url, range, userAgent, timeoutMs, signal }: DirectAsk): Promise<DirectAnswer> {
    const answered = new Promise<DirectAnswer>((resolve, reject) => {
      this.#waiting = { resolve, reject };
    });
    const late = `${url.host} did not answer within ${timeoutMs / 1000} s`;
    const timer = setTimeout(() => this.#stop(new DeadliftError("Unreachable", late)), timeoutMs);
    const abort = () => this.#stop(aborted(signal));
    signal.addEventListener("abort", abort, { once: true });
    if (signal.aborted) abort();
    this.#socket.write(requestText(url, range, userAgent));
    try {
      return await answered;
    } finally {
      clearTimeout(timer);
      signal.removeEventListener("abort", abort);
    }
  }

  pause(): void {
    this.#paused = true;
    this.#socket.pause();
  }

  resume(): void {
    this.#paused = false;
    this.#socket.resume();
  }

  destroy(): void {
    this.#socket.destroy();
  }

  #stop(error: DeadliftError): void {
    this.#waiting?.reject(error);
    this.#waiting = undefined;
    this.destroy();
  }

  #closed(): void {
    this.owner.onClosed(this);
    const cause = this.#error ?? Object.assign(new Error("the connection ended"), { code: "ECONNRESET" });
    const error = networkError(cause, this.url, undefined);
    this.#waiting?.reject(error);
    this.#body?.end(error);
  }

  /** Where the next bytes go. There is always room for one, or the socket would fail. */
  #space(): Buffer {
    if (this.#body && !this.#body.complete) return this.#body.space;
    return this.#head.subarray(Math.min(this.#headBytes, maxHeadBytes - 1));
  }

  /** false: no more for now. */
  #read(bytes: number): boolean {
    if (this.#body) {
      this.#body.came(bytes);
      if (this.#body.complete) this.#bodyCame(this.#body);
      return !this.#paused;
    }
    if (this.#waiting) return this.#readHead(bytes);
    // Bytes that nobody asked for.
    this.destroy();
    return false;
  }

  /** True while the head is not complete; its body is read when somebody takes it. */
  #readHead(bytes: number): boolean {
    this.#headBytes += bytes;
    const end = this.#head.subarray(0, this.#headBytes).indexOf("\r\n\r\n");
    if (end === -1 && this.#headBytes < maxHeadBytes - 1) return true;
    const head = end === -1 ? undefined : parseHead(this.#head.toString("latin1", 0, end));
    if (!head) {
      this.#stop(new DeadliftError("Unreachable", `${this.url.host} sent what is no answer of HTTP/1.1`));
      return false;
    }
    const early = this.#head.subarray(end + 4, this.#headBytes);
    const length = plainLength(head) ?? 0;
    this.#headBytes = 0;
    this.#keepAlive = head.keepAlive;
    const plain = length > 0 && early.length <= length;
    this.#body = plain ? new DirectBody(length, early, this, this.owner) : undefined;
    this.#paused = true;
    this.#waiting!.resolve({ ...head, body: this.#body });
    this.#waiting = undefined;
    if (!this.#body) this.destroy();
    else if (this.#body.complete) this.#bodyCame(this.#body);
    return !this.#paused;
  }

  #bodyCame(body: DirectBody): void {
    this.#body = undefined;
    if (this.#paused) this.resume();
    if (this.#socket.destroyed || !this.#keepAlive) this.destroy();
    else this.owner.onIdle(this);
    body.end();
  }
}

function open(url: URL, onread: OnReadOpts): Socket {
  const host = url.hostname.replace(/^\[|\]$/g, "");
  if (url.protocol === "http:") return connect({ host, port: Number(url.port || 80), onread });
  const options = { host, port: Number(url.port || 443), ALPNProtocols: ["http/1.1"], onread };
  return connectTls(isIP(host) ? options : { ...options, servername: host });
}

function requestText(url: URL, { start, end }: Range, userAgent: string): string {
  const lines = [
    `GET ${url.pathname}${url.search} HTTP/1.1`,
    `host: ${url.host}`,
    "accept: */*",
    "accept-encoding: identity",
    `user-agent: ${userAgent}`,
    `range: bytes=${start}-${end - 1}`,
    "connection: keep-alive",
  ];
  return `${lines.join("\r\n")}\r\n\r\n`;
}

// One request being answered: headers, ranges and bodies, with the faults asked for on the way.

import type { IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { pipeline, Readable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import { createGzip } from "node:zlib";
import type { FaultKeys, RequestRecord } from "./contract.js";
import type { HubError } from "./errors.js";
import { corrupted, firstBytes, paced } from "./faults.js";

export interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly record: RequestRecord;
  readonly faults: FaultKeys;
  readonly url: URL;
  /** Aborted when the connection is gone. */
  readonly gone: AbortSignal;
}

export type Headers = Record<string, string>;

export interface Bytes {
  readonly size: number;
  chunks(start: number, end: number): AsyncIterable<Buffer>;
}

function bytesOf(text: string): Bytes {
  const data = Buffer.from(text);
  return {
    size: data.length,
    async *chunks(start, end) {
      yield data.subarray(start, end);
    },
  };
}

/** What the faults do before any route is asked. True when that was the answer. */
export async function answeredByFault(exchange: Exchange): Promise<boolean> {
  const { faults, gone } = exchange;
  await faults.run?.();
  if (faults.delayMs !== undefined) await sleep(faults.delayMs, undefined, { signal: gone }).catch(() => {});
  if (gone.aborted) return true;
  if (faults.reset) {
    (exchange.request.socket as Socket).resetAndDestroy();
    return true;
  }
  if (faults.status === undefined) return false;
  await answer(exchange, faults.status, faults.headers ?? {}, bytesOf(faults.body ?? ""));
  return true;
}

/** Answers with bytes [start, end) of the body, or with none (also to HEAD, which then hears of the length). */
export async function answer(
  exchange: Exchange,
  status: number,
  headers: Headers,
  body: Bytes,
  start = 0,
  end = body.size,
): Promise<void> {
  const { response, faults, request, record } = exchange;
  for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
  const zipped = faults.gzip === true && status !== 304;
  const size = Math.max(0, end - start - (faults.short ?? 0));
  if (zipped) {
    response.setHeader("Content-Encoding", "gzip");
    if (headers.ETag) response.setHeader("ETag", `W/${headers.ETag}`);
  } else if (status !== 304) response.setHeader("Content-Length", String(size));
  for (const [name, value] of Object.entries(faults.setHeaders ?? {})) {
    if (value === null) response.removeHeader(name);
    else response.setHeader(name, value);
  }
  response.statusCode = status;
  record.status = status;
  if (request.method === "HEAD" || status === 304) {
    response.end();
    return;
  }
  response.flushHeaders();
  let chunks: AsyncIterable<Buffer> = body.chunks(start, end);
  if (faults.corruptAt !== undefined) chunks = corrupted(chunks, start, faults.corruptAt);
  // pipeline closes the source when the connection is lost.
  const zip = () => pipeline(Readable.from(chunks, { objectMode: false }), createGzip(), () => {});
  if (zipped) await send(exchange, zip(), never);
  else await send(exchange, firstBytes(chunks, size), size);
}

const never = Number.POSITIVE_INFINITY;

/** Sends `size` bytes, unless a fault ends or holds them up before. */
async function send(exchange: Exchange, chunks: AsyncIterable<Buffer>, size: number): Promise<void> {
  const { response, faults, gone } = exchange;
  const limit = Math.min(faults.cutAfter ?? never, faults.stallAfter ?? never);
  let wanted = faults.rate === undefined ? chunks : paced(chunks, faults.rate, gone);
  if (limit < size) wanted = firstBytes(wanted, limit);
  for await (const chunk of wanted) {
    if (gone.aborted) return;
    await write(exchange, chunk);
  }
  if (gone.aborted) return;
  if (limit >= size) response.end();
  else if (faults.cutAfter === limit) response.socket?.destroySoon();
  // A stalled answer is left open: the client or close() ends it.
}

/** Resolves when the kernel has the chunk, or the connection is gone. */
function write({ response, record, gone }: Exchange, chunk: Buffer): Promise<void> {
  return new Promise((resolve) => {
    const leave = () => resolve();
    gone.addEventListener("abort", leave, { once: true });
    response.write(chunk, (error) => {
      if (!error) record.sent += chunk.length;
      gone.removeEventListener("abort", leave);
      resolve();
    });
  });
}

export function answerText(exchange: Exchange, status: number, headers: Headers, text: string): Promise<void> {
  return answer(exchange, status, { "Content-Type": "text/plain; charset=utf-8", ...headers }, bytesOf(text));
}

export function answerJson(exchange: Exchange, value: unknown, headers: Headers = {}): Promise<void> {
  const type = { "Content-Type": "application/json; charset=utf-8" };
  return answer(exchange, 200, { ...type, ...headers }, bytesOf(JSON.stringify(value)));
}

export function answerError(exchange: Exchange, error: HubError): Promise<void> {
  const headers: Headers = { "Content-Type": "application/json; charset=utf-8", ...error.headers };
  if (error.code) headers["X-Error-Code"] = error.code;
  headers["X-Error-Message"] = error.message;
  return answer(exchange, error.status, headers, bytesOf(JSON.stringify({ error: error.message })));
}

export function redirect(exchange: Exchange, status: 302 | 307, location: string, headers: Headers): Promise<void> {
  const reason = status === 302 ? "Found" : "Temporary Redirect";
  return answerText(exchange, status, { ...headers, Location: location }, `${reason}. Redirecting to ${location}`);
}

/** First and end byte of the one range asked for; undefined when all is asked for, null when none of it exists. */
function askedRange(header: string | undefined, size: number): [number, number] | null | undefined {
  const parsed = /^bytes=(\d*)-(\d*)$/.exec(header ?? "");
  if (!parsed || (parsed[1] === "" && parsed[2] === "")) return undefined;
  const [, first, last] = parsed;
  if (first === "") return Number(last) === 0 || size === 0 ? null : [Math.max(0, size - Number(last)), size];
  const end = last === "" ? size : Math.min(size, Number(last) + 1);
  if (last !== "" && Number(last) < Number(first)) return undefined;
  return Number(first) >= size ? null : [Number(first), end];
}

/** Whether an If-None-Match header names this tag. */
export function isKnown(header: string | undefined, etag: string): boolean {
  return (header ?? "").split(",").some((known) => known.trim().replace(/^W\//, "") === etag);
}

/** Answers with a file: 200, 206, 304 or 416, as its conditional and range headers ask. */
export async function answerFile(exchange: Exchange, headers: Headers, file: Bytes, etag: string): Promise<void> {
  const { request, faults } = exchange;
  const all: Headers = { ...headers, ETag: etag, "Accept-Ranges": "bytes" };
  if (isKnown(request.headers["if-none-match"], etag)) return answer(exchange, 304, all, bytesOf(""));
  const ifRange = request.headers["if-range"];
  const ignored = faults.ignoreRange || faults.gzip || (ifRange !== undefined && ifRange !== etag);
  let range = ignored ? undefined : askedRange(request.headers.range, file.size);
  if (range === undefined) return answer(exchange, 200, all, file);
  if (range === null) {
    return answer(exchange, 416, { ...all, "Content-Range": `bytes */${file.size}` }, bytesOf(""));
  }
  if (faults.wrongRange) range = anotherRange(range, file.size);
  const [start, end] = range;
  return answer(exchange, 206, { ...all, "Content-Range": `bytes ${start}-${end - 1}/${file.size}` }, file, start, end);
}

/** The range moved by one byte, of the same length where the file has room. */
function anotherRange([start, end]: [number, number], size: number): [number, number] {
  if (start > 0) return [start - 1, end - 1];
  return [start + 1, Math.min(size, end + 1)];
}

// The rules by which requests misbehave, and what they do to the bytes of a body.

import { setTimeout as sleep } from "node:timers/promises";
import type { Fault, FaultKeys, RequestMatch } from "./contract.js";

interface Seen {
  host: "hub" | "cdn";
  method: string;
  url: string;
}

function decoded(url: string): string {
  try {
    return decodeURIComponent(url);
  } catch {
    return url;
  }
}

/** Whether a request is one of these; `times` and `skip` are not looked at. */
export function matches(match: RequestMatch, { host, method, url }: Seen): boolean {
  if (match.host !== undefined && match.host !== host) return false;
  if (match.method !== undefined && match.method !== method) return false;
  const { path } = match;
  if (path === undefined) return true;
  if (typeof path === "string") return url.includes(path) || decoded(url).includes(path);
  return new RegExp(path.source, path.flags.replace(/[gy]/g, "")).test(url);
}

export class FaultRules {
  private readonly rules: { match: RequestMatch; fault: Fault; seen: number }[] = [];

  add(match: RequestMatch, fault: Fault): () => void {
    const rule = { match, fault, seen: 0 };
    this.rules.unshift(rule);
    return () => {
      const at = this.rules.indexOf(rule);
      if (at >= 0) this.rules.splice(at, 1);
    };
  }

  /** What happens to this request: the newest rule that matches and is neither skipping nor spent. */
  take(request: Seen): FaultKeys {
    for (const rule of this.rules) {
      if (!matches(rule.match, request)) continue;
      const turn = rule.seen++ - (rule.match.skip ?? 0);
      if (turn >= 0 && turn < (rule.match.times ?? Number.POSITIVE_INFINITY)) return rule.fault;
    }
    return {};
  }
}

/** The chunks of a body whose first byte lies at `offset` of the file, with the byte at `corruptAt` of the file flipped. */
export async function* corrupted(
  chunks: AsyncIterable<Buffer>,
  offset: number,
  corruptAt: number,
): AsyncGenerator<Buffer> {
  let at = offset;
  for await (const chunk of chunks) {
    const place = corruptAt - at;
    at += chunk.length;
    if (place < 0 || place >= chunk.length) yield chunk;
    else {
      const copy = Buffer.from(chunk);
      copy[place]! ^= 0xff;
      yield copy;
    }
  }
}

/** The first `size` bytes of the chunks. */
export async function* firstBytes(chunks: AsyncIterable<Buffer>, size: number): AsyncGenerator<Buffer> {
  let left = size;
  if (left <= 0) return;
  for await (const chunk of chunks) {
    yield chunk.subarray(0, left);
    left -= chunk.length;
    if (left <= 0) return;
  }
}

/** The same bytes in small pieces, no faster than `rate` bytes per second; the first piece comes at once. */
export async function* paced(chunks: AsyncIterable<Buffer>, rate: number, signal: AbortSignal): AsyncGenerator<Buffer> {
  const piece = Math.max(1, Math.min(64 * 1024, Math.floor(rate / 20)));
  const begun = performance.now();
  let sent = 0;
  for await (const chunk of chunks) {
    for (let at = 0; at < chunk.length; at += piece) {
      const due = begun + (sent / rate) * 1000 - performance.now();
      if (due > 1) await sleep(due, undefined, { signal }).catch(() => {});
      if (signal.aborted) return;
      const part = chunk.subarray(at, at + piece);
      sent += part.length;
      yield part;
    }
  }
}

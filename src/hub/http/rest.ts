// JSON answers of the Hub's API: bounded, tried again when that may help, every failure one typed error.

import { DeadliftError } from "../../error.js";
import { type HubSettings, officialEndpoints } from "../settings.js";
import { type Ask, discard, follow, type Headers, type Reply, shownUrl } from "./http.js";
import { type About, replyError } from "./replies.js";
import { type RetryOptions, withRetries } from "./retry.js";

/** The largest pages are trees of 1,000 files (0.5 MB) and model cards with every file (10 MB for 50,000). */
const maxJsonBytes = 64 * 1024 * 1024;
/** Of a failed answer only its sentence is wanted. */
const maxErrorBytes = 64 * 1024;
/** Pages that one call may ask for: a list without an end must have one. */
const maxPages = 10_000;

export interface TextAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly url: string;
  readonly text: string;
}

/** A successful answer's text. Throws typed errors for all others, HubFailed for more than 64 MiB. */
export function askText(ask: Ask, about: About, settings: HubSettings, retry: RetryOptions = {}): Promise<TextAnswer> {
  return withRetries(() => askOnce(ask, about, settings), { ...retry, signal: ask.signal });
}

/** A successful answer as JSON. Throws HubFailed for what is none. */
export async function askJson(ask: Ask, about: About, settings: HubSettings, retry?: RetryOptions): Promise<unknown> {
  const { text, url } = await askText(ask, about, settings, retry);
  return parseJson(text, url);
}

/** The text of a body of at most `maxBytes`. Throws HubFailed for a longer one, Unreachable for one that is cut off. */
export async function readText(reply: Reply, maxBytes: number): Promise<string> {
  const pieces: Buffer[] = [];
  let length = 0;
  for await (const piece of reply.body as AsyncIterable<Buffer>) {
    length += piece.length;
    if (length > maxBytes) {
      throw new DeadliftError("HubFailed", `expected at most ${maxBytes} bytes from ${shownUrl(reply.url)}`);
    }
    pieces.push(piece);
  }
  return Buffer.concat(pieces).toString("utf8");
}

/**
 * A `fetch` for @huggingface/hub: over our connections, proxies, token, limits and retries. It throws our errors for
 * every answer that is no success, since the package forgets X-Error-Code. `rewrite` may add to the query.
 */
export function hubFetch(
  about: About,
  settings: HubSettings,
  options: { signal?: AbortSignal | undefined; retry?: RetryOptions | undefined; rewrite?: (url: URL) => void },
): typeof fetch {
  let pages = 0;
  return async (input, init) => {
    const url = atEndpoint(new URL(String(input)), settings);
    if (url.origin !== new URL(settings.endpoint).origin) {
      throw new DeadliftError("HubFailed", `${settings.endpoint} says that its list goes on at ${url.origin}`);
    }
    if (++pages > maxPages) {
      throw new DeadliftError("HubFailed", `${shownUrl(url.href)} goes on for more than ${maxPages} pages`);
    }
    // Later pages carry the query of the first.
    if (pages === 1) options.rewrite?.(url);
    const headers = Object.fromEntries(new globalThis.Headers(init?.headers));
    const ask = { url: url.href, headers, signal: options.signal };
    const answer = await askText(ask, about, settings, options.retry);
    return new Response(answer.text, { status: 200, headers: safeHeaders(answer.headers) });
  };
}

/** A mirror passes on links of the Hub behind it: they mean the mirror. */
function atEndpoint(url: URL, settings: HubSettings): URL {
  if (!officialEndpoints.includes(url.origin) || settings.endpoint.startsWith(url.origin)) return url;
  return new URL(settings.endpoint + url.pathname + url.search);
}

function safeHeaders(headers: Headers): Record<string, string> {
  return { "content-type": "application/json", ...(headers.link && { link: headers.link }) };
}

/** Throws HubFailed for what is no JSON. */
export function parseJson(text: string, url: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new DeadliftError("HubFailed", `expected JSON from ${shownUrl(url)}, received something else`, {
      cause: error,
    });
  }
}

async function askOnce(ask: Ask, about: About, settings: HubSettings): Promise<TextAnswer> {
  const reply = await follow({ ...ask, headers: { accept: "application/json", ...ask.headers } }, settings);
  const { status, headers, url } = reply;
  if (status >= 200 && status < 300) return { status, headers, url, text: await readText(reply, maxJsonBytes) };
  throw replyError(reply, about, settings, await readSentence(reply));
}

/** The body of a failed answer, if it is short and comes whole. */
export async function readSentence(reply: Reply): Promise<string> {
  if (Number(reply.headers["content-length"] ?? 0) > maxErrorBytes) {
    discard(reply);
    return "";
  }
  return readText(reply, maxErrorBytes).catch(() => "");
}

// One request to the Hub or its CDN: who may see the token, timeouts, abort, redirects by hand.

import type { Readable } from "node:stream";
import { DeadliftError } from "../../error.js";
import type { HubSettings } from "../settings.js";
import { networkError } from "./network_error.js";
import { aborted, throwIfAborted } from "./retry.js";
import { routeFor } from "./routes.js";
import { undici } from "./undici.js";

/** Names in lower case; several of one name are joined by ", ". */
export type Headers = Readonly<Record<string, string>>;

export interface Reply {
  readonly status: number;
  readonly headers: Headers;
  readonly url: string;
  /** Its errors are DeadliftErrors: Unreachable or Aborted. Read it to its end, destroy it, or `discard` the reply. */
  readonly body: Readable;
}

export interface Ask {
  readonly method?: "GET" | "HEAD" | "POST";
  readonly url: string;
  /** Names in lower case. Authorization is never taken from here. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly signal?: AbortSignal | undefined;
  /** Until the head of the answer; default settings.metadataTimeoutMs. */
  readonly timeoutMs?: number;
  /** Between two pieces of the body; default settings.downloadTimeoutMs; 0: the caller watches. */
  readonly stallMs?: number;
}

const maxRedirects = 10;
/** What is read of a body nobody wants, to keep the connection. */
const discardBytes = 65_536;
const discardMs = 2_000;

/**
 * One request, one answer, whatever its status; redirects are not followed.
 * Throws Unreachable (the cause kept), Aborted, Offline before any socket is opened, InvalidArgument for a bad address.
 */
export function send(ask: Ask, settings: HubSettings): Promise<Reply> {
  return sendOnce(ask, settings, isHub(parse(ask.url), settings));
}

/**
 * Follows up to 10 redirects, never from https to http. `first` are the headers of the first answer that was none or
 * led to another host: X-Repo-Commit, X-Linked-Etag and the like. Throws as `send` does, HubFailed for bad redirects.
 */
export async function follow(ask: Ask, settings: HubSettings): Promise<Reply & { readonly first: Headers }> {
  let { url } = ask;
  let first: Headers | undefined;
  let trusted = isHub(parse(url), settings);
  for (let hop = 0; hop <= maxRedirects; hop++) {
    const reply = await sendOnce({ ...ask, url }, settings, trusted);
    const location = isRedirect(reply.status) ? reply.headers.location : undefined;
    if (location === undefined) return { ...reply, first: first ?? reply.headers };
    discard(reply);
    const target = nextAddress(url, location);
    if (target.host !== new URL(url).host) first ??= reply.headers;
    // A host that is not the Hub must not make us ask the Hub anything in the user's name.
    trusted &&= isHub(target, settings);
    url = target.href;
  }
  throw new DeadliftError("HubFailed", `${shownUrl(ask.url)} redirects more than ${maxRedirects} times`);
}

/** Gives the connection back, or closes it if much of the body is left. */
export function discard(reply: Reply): void {
  const body = reply.body as Readable & { dump(options: object): Promise<void> };
  body.dump({ limit: discardBytes, signal: AbortSignal.timeout(discardMs) }).catch(() => {});
}

/** An address for messages: without the query, which may be signed. */
export function shownUrl(url: string): string {
  const { origin, pathname } = new URL(url);
  return origin + pathname;
}

/** The token goes to the endpoint's own host and port only, and unencrypted only if the endpoint itself is http. */
function isHub(url: URL, settings: HubSettings): boolean {
  const own = new URL(settings.endpoint);
  return url.host === own.host && (url.protocol === "https:" || own.protocol === "http:");
}

function isRedirect(status: number): boolean {
  return [301, 302, 303, 307, 308].includes(status);
}

function nextAddress(from: string, location: string): URL {
  const target = URL.canParse(location, from) ? new URL(location, from) : undefined;
  if (!target || !/^https?:$/.test(target.protocol) || target.username || target.password) {
    throw new DeadliftError("HubFailed", `${shownUrl(from)} redirects to what is no http: or https: address`);
  }
  if (target.protocol === "http:" && from.startsWith("https:")) {
    throw new DeadliftError("HubFailed", `${shownUrl(from)} redirects from https: to http:, which is refused`);
  }
  return target;
}

function parse(url: string): URL {
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  if (parsed && /^https?:$/.test(parsed.protocol)) return parsed;
  throw new DeadliftError("InvalidArgument", `expected an http: or https: address, received "${url.slice(0, 80)}"`);
}

async function sendOnce(ask: Ask, settings: HubSettings, trusted: boolean): Promise<Reply> {
  const url = parse(ask.url);
  refuseOffline(settings);
  throwIfAborted(ask.signal);
  const { request } = await undici();
  const { dispatcher, proxy } = await routeFor(url);
  const watch = new Watch(ask, ask.timeoutMs ?? settings.metadataTimeoutMs);
  try {
    const answer = await request(url, {
      method: ask.method ?? "GET",
      headers: headersOf(ask, settings, trusted),
      body: ask.body ?? null,
      signal: watch.signal,
      dispatcher,
      headersTimeout: 0, // the watch also counts the time to connect
      bodyTimeout: ask.stallMs ?? settings.downloadTimeoutMs,
    });
    watch.headCame(answer.body, (error) => watch.explain(error, url, proxy));
    return { status: answer.statusCode, headers: plainHeaders(answer.headers), url: url.href, body: answer.body };
  } catch (error) {
    watch.end();
    throw watch.explain(error, url, proxy);
  }
}

/** Throws Offline, naming what forbids the network. */
export function refuseOffline(settings: HubSettings): void {
  if (!settings.offline) return;
  const why = settings.offlineSource ?? "the option offline";
  const advice = "unset it to go online, or use what the cache has";
  throw new DeadliftError("Offline", `${settings.endpoint} may not be asked: ${why} forbids the network; ${advice}`);
}

function headersOf(ask: Ask, settings: HubSettings, trusted: boolean): Record<string, string> {
  const { authorization: _, ...own } = ask.headers ?? {};
  return {
    // A compressed answer would have neither a length nor ranges.
    "accept-encoding": "identity",
    ...own,
    "user-agent": settings.userAgent,
    ...(trusted && settings.token !== undefined && { authorization: `Bearer ${settings.token}` }),
  };
}

function plainHeaders(headers: Record<string, string | string[] | undefined>): Headers {
  const plain: Record<string, string> = Object.create(null);
  for (const [name, value] of Object.entries(headers)) {
    if (value !== undefined) plain[name.toLowerCase()] = Array.isArray(value) ? value.join(", ") : value;
  }
  return plain;
}

/** Ends a request by the caller's signal or when the head of its answer is late. */
class Watch {
  readonly #controller = new AbortController();
  readonly #caller: AbortSignal | undefined;
  readonly #timer: NodeJS.Timeout;
  readonly #onAbort = () => this.#controller.abort();
  readonly #timeoutMs: number;
  #late = false;

  constructor(ask: Ask, timeoutMs: number) {
    this.#caller = ask.signal;
    this.#timeoutMs = timeoutMs;
    this.#caller?.addEventListener("abort", this.#onAbort);
    this.#timer = setTimeout(() => {
      this.#late = true;
      this.#controller.abort();
    }, timeoutMs);
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** From now on only the caller's signal counts, until the body is closed. Its errors are put into words. */
  headCame(body: Readable, explain: (error: Error) => Error): void {
    clearTimeout(this.#timer);
    body.once("close", () => this.end());
    // An error nobody listens to yet would end the process; readers see it all the same.
    body.on("error", () => {});
    const destroy = body.destroy.bind(body);
    body.destroy = (error) => destroy(error && explain(error));
  }

  end(): void {
    clearTimeout(this.#timer);
    this.#caller?.removeEventListener("abort", this.#onAbort);
  }

  explain(error: unknown, url: URL, proxy: string | undefined): DeadliftError {
    if (error instanceof DeadliftError) return error;
    if (this.#caller?.aborted) return aborted(this.#caller);
    if (!this.#late) return networkError(error, url, proxy);
    const over = proxy ? ` through the proxy ${proxy}` : "";
    const seconds = this.#timeoutMs / 1000;
    return new DeadliftError("Unreachable", `${url.host} did not answer within ${seconds} s${over}`, { cause: error });
  }
}

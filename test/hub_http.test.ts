// One request and its retries: who sees the token, redirects, timeouts, aborts, what a busy Hub asks for.

import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { inspect } from "node:util";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { DeadliftError } from "../src/error.js";
import { discard, follow, send } from "../src/hub/http/http.js";
import { askJson, readText } from "../src/hub/http/rest.js";
import { type RetryOptions, requestedWait, retryLater, withRetries } from "../src/hub/http/retry.js";
import { type HubOptions, hubSettings } from "../src/hub/settings.js";
import { startHub, type TestHub } from "./hub/server.js";

const token = "hf_good";
/** Against hanging only. */
const patience = { timeout: 30_000 };
const settingsFor = (endpoint: string, options: HubOptions = {}) => hubSettings({ endpoint, token, ...options }, {});

async function failure(promise: Promise<unknown>): Promise<DeadliftError> {
  const error = await promise.then(
    () => undefined,
    (error) => error,
  );
  expect(error).toBeInstanceOf(DeadliftError);
  expect(inspect(error, { depth: 20, showHidden: true })).not.toContain(token);
  return error;
}

/** A server that does as told, and counts connections. */
async function serve(handler: (request: IncomingMessage, response: ServerResponse) => void) {
  const server = createServer(handler);
  const connections = { count: 0 };
  server.on("connection", () => connections.count++);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  closers.push(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}`, otherName: `http://localhost:${port}`, connections };
}

let closers: (() => unknown)[] = [];
let hub: TestHub;
beforeEach(async () => {
  hub = await startHub();
  closers.push(() => hub.close());
});
afterEach(async () => {
  for (const close of closers) await close();
  closers = [];
});

const weights = "model.safetensors";
function makeRepo(): string {
  return hub.repo("org/model").commit({ "config.json": '{"a":1}', [weights]: { seed: 1, size: 2_000_000 } });
}

describe("one request", () => {
  it("says who asks, wants no compression, and sends the token to the endpoint only", async () => {
    makeRepo();
    const settings = settingsFor(hub.endpoint);
    const reply = await send({ url: `${hub.endpoint}/org/model/resolve/main/${weights}`, method: "HEAD" }, settings);
    discard(reply);
    expect(reply.status).toBe(302);
    expect(reply.headers["x-linked-size"]).toBe("2000000");
    discard(await send({ url: reply.headers.location!, headers: { range: "bytes=0-9" } }, settings));
    const [first, second] = hub.requests;
    expect(first!.headers).toMatchObject({
      authorization: `Bearer ${token}`,
      "accept-encoding": "identity",
      "user-agent": settings.userAgent,
    });
    expect(second!.host).toBe("cdn");
    expect(second!.headers.range).toBe("bytes=0-9");
    expect(second!.headers).not.toHaveProperty("authorization");
  });

  it("does not send the token to another port, another name, or because a caller says so", async () => {
    const seen: (string | undefined)[] = [];
    const other = await serve((request, response) => {
      seen.push(request.headers.authorization);
      response.end();
    });
    const settings = settingsFor(hub.endpoint);
    const own = settingsFor(other.url, { token: false });
    discard(await send({ url: other.url }, settings));
    discard(await send({ url: other.otherName }, settings));
    discard(await send({ url: other.otherName }, settingsFor(other.url)));
    discard(await send({ url: other.url, headers: { authorization: "Bearer x" } }, own));
    expect(seen).toEqual([undefined, undefined, undefined, undefined]);
    discard(await send({ url: `${other.url}/x` }, settingsFor(other.url)));
    expect(seen.at(-1)).toBe(`Bearer ${token}`);
  });

  it("does not send the token unencrypted to a Hub that speaks https", async () => {
    let seen: string | undefined = "nothing";
    const { url } = await serve((request, response) => {
      seen = request.headers.authorization;
      response.end();
    });
    discard(await send({ url }, settingsFor(url.replace("http:", "https:"))));
    expect(seen).toBeUndefined();
  });

  it("joins headers that come twice, and takes no property of objects for a header", async () => {
    const { url } = await serve((_, response) => {
      response.setHeader("X-Two", ["a", "b"]).end();
    });
    const { headers } = await send({ url }, settingsFor(url));
    expect(headers["x-two"]).toBe("a, b");
    expect(headers.toString).toBeUndefined();
  });

  it("uses a connection again when answers are read or discarded, and several at once", async () => {
    const { url, connections } = await serve((_, response) => {
      setTimeout(() => response.end("x".repeat(100)), 20);
    });
    const settings = settingsFor(url);
    for (let i = 0; i < 6; i++) {
      const reply = await send({ url }, settings);
      if (i % 2 === 1) await readText(reply, 100);
      else discard(reply);
      await expect.poll(() => reply.body.closed, patience).toBe(true);
    }
    // A second one is opened when the first has not yet seen the end of its answer.
    expect(connections.count).toBeLessThanOrEqual(2);
    const replies = await Promise.all(Array.from({ length: 8 }, () => send({ url }, settings)));
    expect(connections.count).toBeGreaterThanOrEqual(8);
    expect(connections.count).toBeLessThanOrEqual(10);
    for (const reply of replies) discard(reply);
  });

  it("closes a connection rather than read a big body that nobody wants", async () => {
    let closed = false;
    const { url } = await serve((_, response) => {
      response.on("close", () => {
        closed = true;
      });
      response.writeHead(200, { "content-length": "1000000000" }).write("x".repeat(1000));
    });
    discard(await send({ url }, settingsFor(url)));
    await expect.poll(() => closed, patience).toBe(true);
  });

  it("refuses addresses that are none", async () => {
    for (const url of ["", "nonsense", "file:///etc/passwd", "ftp://x"]) {
      const promise = Promise.resolve().then(() => send({ url }, settingsFor(hub.endpoint)));
      expect((await failure(promise)).code).toBe("InvalidArgument");
    }
  });
});

describe("redirects", () => {
  it("lead to the CDN without the token; the first answer's headers are kept", async () => {
    const commit = makeRepo();
    const reply = await follow({ url: `${hub.endpoint}/org/model/resolve/main/${weights}` }, settingsFor(hub.endpoint));
    expect(reply.status).toBe(200);
    expect(new URL(reply.url).origin).toBe(hub.cdn);
    expect(reply.first["x-repo-commit"]).toBe(commit);
    expect(reply.first["x-linked-etag"]).toMatch(/^"[0-9a-f]{64}"$/);
    expect(reply.headers.etag).not.toBe(reply.first["x-linked-etag"]);
    expect((await readText(reply, 2_000_000)).length).toBeGreaterThan(0);
    expect(hub.requests.map(({ host, headers }) => [host, headers.authorization])).toEqual([
      ["hub", `Bearer ${token}`],
      ["cdn", undefined],
    ]);
  });

  it("on the Hub itself keep the token, and the headers are those of the last", async () => {
    const commit = makeRepo();
    const reply = await follow(
      { url: `${hub.endpoint}/org/model/resolve/main/config.json` },
      settingsFor(hub.endpoint),
    );
    expect(await readText(reply, 100)).toBe('{"a":1}');
    expect(reply.first["x-repo-commit"]).toBe(commit);
    expect(reply.first).toBe(reply.headers);
    expect(hub.requests.length).toBeGreaterThan(1);
    for (const { headers } of hub.requests) expect(headers.authorization).toBe(`Bearer ${token}`);
  });

  it("of a renamed repository are followed", async () => {
    makeRepo();
    hub.repo("org/old").commit({ "a.txt": "x" });
    const renamed = hub.repo("org/before");
    renamed.commit({ "a.txt": "moved" });
    renamed.renameTo("org/after");
    const reply = await follow({ url: `${hub.endpoint}/org/before/resolve/main/a.txt` }, settingsFor(hub.endpoint));
    expect(await readText(reply, 100)).toBe("moved");
  });

  it("from another host back to the Hub come without the token", async () => {
    const seen: (string | undefined)[] = [];
    const home = await serve((request, response) => {
      seen.push(request.headers.authorization);
      if (request.url === "/start") response.writeHead(302, { location: `${away.otherName}/` }).end();
      else response.end("home");
    });
    const away = await serve((_, response) => {
      response.writeHead(302, { location: `${home.url}/secret` }).end();
    });
    discard(await follow({ url: `${home.url}/start` }, settingsFor(home.url)));
    expect(seen).toEqual([`Bearer ${token}`, undefined]);
  });

  it("without an end, or to what is no address, are the Hub's failure", async () => {
    let asked = 0;
    const { url } = await serve((request, response) => {
      asked++;
      const targets: Record<string, string> = {
        "/round": "/round",
        "/file": "file:///etc/passwd",
        "/script": "javascript:alert(1)",
        "/user": "http://user:password@127.0.0.1/",
        "/broken": "http://",
      };
      response.writeHead(307, { location: targets[request.url!] ?? "" }).end();
    });
    expect((await failure(follow({ url: `${url}/round` }, settingsFor(url)))).code).toBe("HubFailed");
    expect(asked).toBe(11);
    for (const path of ["/file", "/script", "/user", "/broken"]) {
      const error = await failure(follow({ url: url + path }, settingsFor(url)));
      expect(error.code).toBe("HubFailed");
      expect(error.message).not.toContain("password");
    }
  });
});

describe("trouble below HTTP", () => {
  it("nobody listens", async () => {
    const gone = await serve(() => {});
    for (const close of closers.splice(-1)) close();
    const error = await failure(send({ url: gone.url }, settingsFor(gone.url)));
    expect(error.code).toBe("Unreachable");
    expect(error.message).toMatch(/127\.0\.0\.1:\d+ cannot be reached: it refuses connections \(ECONNREFUSED\)/);
    expect(error.cause).toBeInstanceOf(Error);
  });

  it("a name that is none", async () => {
    const url = "http://no-such-host.invalid";
    const error = await failure(send({ url, timeoutMs: 30_000 }, settingsFor(url)));
    expect(error.code).toBe("Unreachable");
    expect(error.message).toContain("no-such-host.invalid");
  });

  it("a connection that is reset, or speaks no HTTP", async () => {
    makeRepo();
    hub.when({}, { reset: true });
    expect((await failure(send({ url: hub.endpoint }, settingsFor(hub.endpoint)))).code).toBe("Unreachable");
    const { url } = await serve((request) => {
      request.socket.end("SSH-2.0-OpenSSH_9.2\r\n");
    });
    expect((await failure(send({ url }, settingsFor(url)))).code).toBe("Unreachable");
  });

  it("a head that never comes", async () => {
    const { url } = await serve(() => {});
    const error = await failure(send({ url, timeoutMs: 50 }, settingsFor(url)));
    expect(error).toMatchObject({ code: "Unreachable", message: expect.stringContaining("within 0.05 s") });
    const patient = hubSettings({ endpoint: url }, { HF_HUB_ETAG_TIMEOUT: "1" });
    expect((await failure(send({ url }, patient))).message).toContain("within 1 s");
  });

  it("a body that stops, is cut, or has the wrong length", async () => {
    makeRepo();
    const url = `${hub.endpoint}/org/model/resolve/main/${weights}`;
    const settings = settingsFor(hub.endpoint);
    const faults = [{ stallAfter: 1000 }, { cutAfter: 1000 }];
    for (const fault of faults) {
      const restore = hub.when({ host: "cdn" }, fault);
      const reply = await follow({ url, stallMs: 100 }, settings);
      const error = await failure(readText(reply, 2_000_000));
      expect(error.code).toBe("Unreachable");
      restore();
    }
  });

  it("a body that breaks while nobody reads it does not end the process", async () => {
    makeRepo();
    hub.when({ host: "cdn" }, { cutAfter: 1000 });
    const url = `${hub.endpoint}/org/model/resolve/main/${weights}`;
    const reply = await follow({ url }, settingsFor(hub.endpoint));
    await expect.poll(() => reply.body.destroyed, patience).toBe(true);
    expect((await failure(readText(reply, 2_000_000))).code).toBe("Unreachable");
  });
});

describe("abort", () => {
  const abortIn = (ms: number) => {
    const controller = new AbortController();
    setTimeout(() => controller.abort(new Error("enough")), ms);
    return controller.signal;
  };

  it("before the request opens no connection", async () => {
    const { url, connections } = await serve((_, response) => response.end());
    const error = await failure(send({ url, signal: AbortSignal.abort(new Error("enough")) }, settingsFor(url)));
    expect(error).toMatchObject({ code: "Aborted", cause: expect.objectContaining({ message: "enough" }) });
    expect(connections.count).toBe(0);
  });

  it("while waiting for the head, and while reading the body", async () => {
    const silent = await serve(() => {});
    const waiting = send({ url: silent.url, signal: abortIn(30) }, settingsFor(silent.url));
    expect((await failure(waiting)).code).toBe("Aborted");
    const slow = await serve((_, response) => {
      response.writeHead(200, { "content-length": "1000" }).write("x");
    });
    const controller = new AbortController();
    const reply = await send({ url: slow.url, signal: controller.signal }, settingsFor(slow.url));
    const reading = failure(readText(reply, 1000));
    controller.abort();
    expect((await reading).code).toBe("Aborted");
  });

  it("leaves no listeners on a signal that lives on", async () => {
    const { url } = await serve((_, response) => response.end("x"));
    const { signal } = new AbortController();
    let listeners = 0;
    const add = signal.addEventListener.bind(signal);
    const remove = signal.removeEventListener.bind(signal);
    signal.addEventListener = (...args: Parameters<typeof add>) => {
      listeners++;
      add(...args);
    };
    signal.removeEventListener = (...args: Parameters<typeof remove>) => {
      listeners--;
      remove(...args);
    };
    for (let i = 0; i < 3; i++) await readText(await send({ url, signal }, settingsFor(url)), 10);
    await expect.poll(() => listeners, patience).toBe(0);
  });
});

describe("offline", () => {
  it("nothing is sent, and the message names what forbids it", async () => {
    const { url, connections } = await serve((_, response) => response.end());
    const ways = [
      [hubSettings({ endpoint: url, offline: true }, {}), "the option offline"],
      [hubSettings({ endpoint: url }, { HF_HUB_OFFLINE: "1" }), "HF_HUB_OFFLINE"],
      [hubSettings({ endpoint: url }, { TRANSFORMERS_OFFLINE: "yes" }), "TRANSFORMERS_OFFLINE"],
    ] as const;
    for (const [settings, name] of ways) {
      const error = await failure(send({ url }, settings));
      expect(error.code).toBe("Offline");
      expect(error.message).toContain(name);
    }
    expect(connections.count).toBe(0);
  });
});

/** A clock that only writes down how long it was to wait. */
function clock() {
  const waits: number[] = [];
  const retry: RetryOptions = { sleep: async (ms) => void waits.push(ms), random: () => 0 };
  return { waits, retry };
}

describe("retries", () => {
  const info = () => ({ url: `${hub.endpoint}/api/models/org/model` });
  const ask = (retry: RetryOptions) => askJson(info(), { repo: "org/model" }, settingsFor(hub.endpoint), retry);

  it.each([408, 429, 500, 502, 503, 504])("%i passes: five more tries, longer and longer apart", async (status) => {
    makeRepo();
    const { waits, retry } = clock();
    hub.when({ times: 5 }, { status });
    expect(await ask(retry)).toMatchObject({ id: "org/model" });
    expect(waits).toEqual([1000, 2000, 4000, 8000, 8000]);
    expect(hub.requests.length).toBe(6);
  });

  it("the sixth failure is thrown", async () => {
    const { waits, retry } = clock();
    hub.when({}, { status: 503 });
    expect(await failure(ask(retry))).toMatchObject({ code: "HubFailed", message: expect.stringContaining("503") });
    expect(waits.length).toBe(5);
  });

  it.each([400, 401, 403, 404, 416, 501])("%i is final", async (status) => {
    const { waits, retry } = clock();
    hub.when({}, { status });
    await failure(ask(retry));
    expect(waits).toEqual([]);
  });

  it("a connection that breaks, before or within the answer, is tried again", async () => {
    makeRepo();
    const { waits, retry } = clock();
    hub.when({ times: 2 }, { reset: true });
    hub.when({ times: 1 }, { cutAfter: 10 });
    expect(await ask(retry)).toMatchObject({ id: "org/model" });
    expect(waits).toEqual([1000, 2000, 4000]);
  });

  it("a host that nobody reaches is tried once more, or as often as told", async () => {
    const gone = await serve(() => {});
    for (const close of closers.splice(-1)) close();
    const unreached = (retry: RetryOptions) => askJson({ url: gone.url }, {}, settingsFor(gone.url), retry);
    const { waits, retry } = clock();
    expect((await failure(unreached(retry))).code).toBe("Unreachable");
    expect(waits.splice(0)).toEqual([1000]);
    await failure(unreached({ ...retry, connectRetries: 3 }));
    expect(waits.splice(0)).toEqual([1000, 2000, 4000]);
    await failure(unreached({ ...retry, connectRetries: 3, retries: 0 }));
    expect(waits).toEqual([]);
  });

  it("a slow answer times out and is tried again", async () => {
    makeRepo();
    const { waits, retry } = clock();
    hub.when({ times: 1 }, { delayMs: 60_000 });
    const head = { ...info(), method: "HEAD" as const, timeoutMs: 1500 };
    const settings = settingsFor(hub.endpoint);
    const reply = await withRetries(() => send(head, settings), retry);
    expect(reply.status).toBe(200);
    expect(waits).toEqual([1000]);
  });

  it("waits as RateLimit says, else as Retry-After says, a second more", async () => {
    makeRepo();
    const limits: [Record<string, string>, number][] = [
      [{ RateLimit: '"api";r=0;t=55' }, 56_000],
      [{ RateLimit: '"api"; r = 0 ; t = 7', "Retry-After": "30" }, 8000],
      [{ RateLimit: '"api";r=12;t=55', "Retry-After": "3" }, 4000],
      [{ "Retry-After": "0" }, 1000],
      [{ "Retry-After": "Wed, 21 Oct 2015 07:28:00 GMT" }, 1000],
      [{}, 1000],
    ];
    for (const [headers, wait] of limits) {
      const { waits, retry } = clock();
      hub.when({ times: 1 }, { status: 429, headers: { RateLimit: "", ...headers } });
      expect(await ask(retry)).toMatchObject({ id: "org/model" });
      expect(waits).toEqual([wait]);
    }
  });

  it("does not begin a wait that is too long: RateLimited says how long it would be", async () => {
    const { waits, retry } = clock();
    hub.when({}, { status: 429, headers: { RateLimit: '"resolvers";r=0;t=250' } });
    const error = await failure(ask(retry));
    expect(error.code).toBe("RateLimited");
    expect(error.message).toMatch(/429, resolvers.*wait 251 s/);
    expect(waits).toEqual([]);
    expect((await failure(ask({ ...retry, maxWaitMs: 300_000 }))).code).toBe("RateLimited");
    expect(waits).toEqual(Array(5).fill(251_000));
  });

  it("Retry-After also counts for 503, RateLimit only for 429", () => {
    expect(requestedWait(503, { "retry-after": "9" })).toBe(10_000);
    expect(requestedWait(503, { ratelimit: '"api";r=0;t=5' })).toBeUndefined();
    expect(requestedWait(429, { ratelimit: '"api";r=0;t=99999999999' })).toBeUndefined();
    expect(requestedWait(429, { "retry-after": "-1" })).toBeUndefined();
  });

  it("spreads waits that nobody asked for by up to a quarter", async () => {
    const { waits, retry } = clock();
    hub.when({ times: 2 }, { status: 500 });
    makeRepo();
    await ask({ ...retry, random: () => 0.999 });
    expect(waits[0]).toBeGreaterThan(1200);
    expect(waits[0]).toBeLessThanOrEqual(1250);
    expect(waits[1]).toBeLessThanOrEqual(2500);
  });

  it("stops at once when aborted during a wait", async () => {
    const controller = new AbortController();
    const passing = () => Promise.reject(retryLater(new DeadliftError("HubFailed", "busy"), 50_000));
    const waiting = withRetries(passing, { signal: controller.signal, onWait: () => controller.abort() });
    expect((await failure(waiting)).code).toBe("Aborted");
  });

  it("can be switched off, and tells before each wait", async () => {
    hub.when({}, { status: 500 });
    const { waits, retry } = clock();
    await failure(ask({ ...retry, retries: 0 }));
    expect(waits).toEqual([]);
    const told: unknown[] = [];
    await failure(ask({ ...retry, retries: 1, onWait: (ms, error) => told.push([ms, error.code]) }));
    expect(told).toEqual([[1000, "HubFailed"]]);
  });

  it("leaves errors of the program alone", async () => {
    let tries = 0;
    const wrong = async () => {
      tries++;
      throw new TypeError("a mistake");
    };
    await expect(withRetries(wrong)).rejects.toThrow(TypeError);
    expect(tries).toBe(1);
  });
});

// The misbehaviour of the tests' own Hub: each fault does what it says and nothing else.

import { get as httpGet } from "node:http";
import { gunzipSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { type Fault, hashContent, readContent, startHub, type TestHub } from "./hub/server.js";

const size = 300_000;
const weights = { seed: 3, size };
let hub: TestHub;
let url: string;

beforeEach(async () => {
  hub = await startHub();
  hub.repo("org/model").commit({ "w.bin": weights, "a.txt": "text" });
  const answer = await fetch(`${hub.endpoint}/org/model/resolve/main/w.bin`, { redirect: "manual" });
  url = answer.headers.get("location")!;
});
afterEach(() => hub.close());

interface Raw {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  bytes: Buffer;
  /** The body came to its announced end. */
  whole: boolean;
  error?: string | undefined;
}

/** A request read to the bitter end, whatever that is; `patienceMs` without a byte ends it from here. */
function raw(headers: Record<string, string> = {}, patienceMs?: number): Promise<Raw> {
  return new Promise((resolve) => {
    const request = httpGet(url, { headers, agent: false });
    const failed = (error: NodeJS.ErrnoException) =>
      resolve({ status: 0, headers: {}, bytes: Buffer.alloc(0), whole: false, error: error.code });
    request.on("error", failed);
    request.on("response", (response) => {
      request.off("error", failed).on("error", () => {});
      const chunks: Buffer[] = [];
      if (patienceMs !== undefined) response.setTimeout(patienceMs, () => request.destroy());
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("error", () => {});
      response.on("close", () => {
        const { statusCode, headers: received, complete } = response;
        resolve({ status: statusCode!, headers: received, bytes: Buffer.concat(chunks), whole: complete });
      });
    });
  });
}

function fault(what: Fault): void {
  hub.when({ host: "cdn" }, what);
}

describe("faults", () => {
  it("answers something else", async () => {
    fault({ status: 429, headers: { "Retry-After": "3", RateLimit: '"resolvers";r=0;t=55' }, body: "slow down" });
    const answer = await raw();
    expect(answer).toMatchObject({ status: 429, headers: { "retry-after": "3" }, whole: true });
    expect(answer.bytes.toString()).toBe("slow down");
  });

  it("cuts the connection after so many bytes, of ranges too", async () => {
    fault({ cutAfter: 100_000 });
    const cut = await raw();
    expect([cut.status, cut.whole, cut.bytes.length]).toEqual([200, false, 100_000]);
    expect(hub.requests.at(-1)).toMatchObject({ sent: 100_000, closedEarly: true });
    const range = await raw({ range: "bytes=250000-" });
    expect([range.status, range.whole, range.bytes.length]).toEqual([206, true, 50_000]);
    expect(hub.requests.at(-1)).toMatchObject({ sent: 50_000, closedEarly: false });
  });

  it("stalls after so many bytes, even none", async () => {
    fault({ stallAfter: 70_000 });
    expect(await raw({}, 300)).toMatchObject({ status: 200, whole: false, bytes: { length: 70_000 } });
    fault({ stallAfter: 0 });
    expect(await raw({}, 300)).toMatchObject({ status: 200, whole: false, bytes: { length: 0 } });
  });

  it("answers late", async () => {
    fault({ delayMs: 3_600_000 });
    const leaving = new AbortController();
    const lost = expect(fetch(url, { signal: leaving.signal })).rejects.toThrow();
    await vi.waitFor(() => expect(hub.requests.at(-1)!.host).toBe("cdn"));
    leaving.abort();
    await lost;
    await vi.waitFor(() => expect(hub.requests.at(-1)).toMatchObject({ status: 0, closedEarly: true }));
  });

  it("sends slowly", async () => {
    const remove = hub.when({ host: "cdn" }, { rate: 1000 });
    const leaving = new AbortController();
    const slow = await fetch(url, { signal: leaving.signal });
    const { value } = await slow.body!.getReader().read();
    expect(value!.length).toBeLessThan(size / 2);
    leaving.abort();
    remove();
    fault({ delayMs: 10, rate: 10_000_000 } as Fault);
    expect((await raw()).bytes.equals(await readContent(weights))).toBe(true);
  });

  it("turns one byte at a place of the file, whatever the range", async () => {
    fault({ corruptAt: 200_000 });
    const right = await readContent(weights);
    for (const start of [0, 150_000, 200_000, 200_001]) {
      const { bytes, whole } = await raw({ range: `bytes=${start}-` });
      const wrong = bytes.findIndex((byte, i) => byte !== right[start + i]);
      expect([whole, bytes.length, wrong]).toEqual([true, size - start, start > 200_000 ? -1 : 200_000 - start]);
    }
  });

  it("ignores ranges, or answers another one", async () => {
    const remove = hub.when({ host: "cdn" }, { ignoreRange: true });
    expect(await raw({ range: "bytes=5-9" })).toMatchObject({ status: 200, bytes: { length: size } });
    remove();
    fault({ wrongRange: true });
    const wrong = await raw({ range: "bytes=5-9" });
    expect([wrong.status, wrong.headers["content-range"]]).toEqual([206, `bytes 4-8/${size}`]);
    expect(wrong.bytes.equals(await readContent(weights, 4, 9))).toBe(true);
  });

  it("zips, without a length and with a weak ETag", async () => {
    fault({ gzip: true });
    const answer = await raw({ range: "bytes=5-9" });
    expect(answer.status).toBe(200);
    expect(answer.headers["content-length"]).toBeUndefined();
    expect(answer.headers["content-encoding"]).toBe("gzip");
    expect(answer.headers.etag).toMatch(/^W\/"/);
    expect(gunzipSync(answer.bytes).equals(await readContent(weights))).toBe(true);
  });

  it("ends early as if that were the end", async () => {
    fault({ short: 100 });
    const answer = await raw({ range: "bytes=0-999" });
    expect(answer).toMatchObject({ status: 206, whole: true, bytes: { length: 900 } });
    expect(answer.headers["content-range"]).toBe(`bytes 0-999/${size}`);
  });

  it("resets before any answer", async () => {
    fault({ reset: true });
    expect(await raw()).toMatchObject({ status: 0, error: "ECONNRESET" });
    expect(hub.requests.at(-1)).toMatchObject({ status: 0, sent: 0, closedEarly: true });
  });

  it("changes headers of the right answer", async () => {
    fault({ setHeaders: { ETag: null, "X-New": "1" } });
    const answer = await raw();
    expect(answer.headers.etag).toBeUndefined();
    expect(answer.headers["x-new"]).toBe("1");
    expect(answer.bytes.length).toBe(size);
  });

  it("acts by the newest rule that matches, skips first and ends after so many times", async () => {
    hub.when({ host: "cdn" }, { status: 500 });
    hub.when({ host: "cdn", path: "w.bin", method: "GET", skip: 1, times: 1 }, { status: 503 });
    hub.when({ host: "hub" }, { status: 404 });
    expect([(await raw()).status, (await raw()).status, (await raw()).status]).toEqual([500, 503, 500]);
  });
});

it("moves a branch between two calls of a client", async () => {
  const repo = hub.repo("org/moving");
  const first = repo.commit({ "a.txt": "1" });
  hub.when({ path: "/api/resolve-cache", times: 1 }, { run: () => void repo.commit({ "a.txt": "2" }) });
  const answer = await fetch(`${hub.endpoint}/org/moving/resolve/main/a.txt`);
  expect([await answer.text(), answer.headers.get("x-repo-commit")]).toEqual(["1", first]);
  expect(await (await fetch(`${hub.endpoint}/org/moving/resolve/main/a.txt`)).text()).toBe("2");
});

it("records requests with what was really sent, and Authorization wherever it arrives", async () => {
  const authorization = "Bearer hf_good";
  await (await fetch(`${hub.endpoint}/org/model/resolve/main/w.bin`, { headers: { authorization } })).arrayBuffer();
  const [near, far] = hub.requests.slice(-2);
  expect([near!.host, near!.headers.authorization]).toEqual(["hub", authorization]);
  expect([far!.host, far!.headers.authorization]).toEqual(["cdn", undefined]);
  await raw({ authorization });
  expect(hub.requests.at(-1)!.headers.authorization).toBe(authorization);
  expect(hub.bytesSent({ host: "cdn" })).toBe(2 * size);
  expect(hub.bytesSent({ path: "a.txt" })).toBe(0);
});

it("makes seeded contents that differ by seed and block and are the same at every reading", async () => {
  const block = 1 << 20;
  const content = { seed: 1, size: 3 * block };
  const whole = await readContent(content);
  expect(whole.subarray(0, block).equals(whole.subarray(block, 2 * block))).toBe(false);
  expect(whole.subarray(block - 5, block + 5).equals(await readContent(content, block - 5, block + 5))).toBe(true);
  expect((await hashContent({ seed: 2, size: 3 * block })).sha256).not.toBe((await hashContent(content)).sha256);
});

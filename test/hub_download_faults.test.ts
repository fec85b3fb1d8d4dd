// Downloads from a Hub and a CDN that fail in every way they do: what comes is the file or a clear error, never something else.

import { readdir, stat, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { DownloadProgress } from "../src/hub/download/progress.js";
import type { Snapshot, SnapshotRequest } from "../src/hub/download/snapshot.js";
import { DownloadCase, exists, failureOf, mib, repoId, sha256OfFile } from "./hub/download_case.js";
import { type Fault, hashContent, type RequestMatch } from "./hub/server.js";

let run: DownloadCase;
beforeEach(async () => {
  run = await DownloadCase.start();
});
afterEach(() => run.end());

const weights = { seed: 2, size: 9 * mib + 777 };
const name = "model.safetensors";
/** Too large for the first answers that are read before anything is known, small enough for one request. */
const text = JSON.stringify(Array.from({ length: 50_000 }, (_, i) => i));
const cdn = { host: "cdn" } as const;
const resolves: RequestMatch = { host: "hub", path: /\/resolve\// };

let head = "";
function publish(): void {
  head = run.hub.repo(repoId).commit({ [name]: weights, "vocab.json": text });
}

const fetchWeights = (changes: Partial<SnapshotRequest> = {}) => run.fetch({ choose: () => [name], ...changes });
const fetchText = (changes: Partial<SnapshotRequest> = {}) => run.fetch({ choose: () => ["vocab.json"], ...changes });

async function expectRight({ path, files }: Snapshot): Promise<void> {
  for (const file of files) {
    const content = file === name ? weights : text;
    expect(await sha256OfFile(join(path, file))).toBe((await hashContent(content, file)).sha256);
  }
  expect(await run.leftovers()).toEqual([]);
}

/** Nothing of the file is in the cache, but perhaps what a later download goes on from. */
async function expectNothing(): Promise<void> {
  const blobs = await readdir(run.folder.blobs).catch(() => []);
  expect(blobs.filter((blob) => !blob.endsWith(".incomplete"))).toEqual([]);
  const pointers = await readdir(run.folder.snapshot(head)).catch(() => []);
  expect(pointers).toEqual([]);
}

describe("connections that break", () => {
  it("goes on at the exact byte when every connection is cut after 1 MB", async () => {
    publish();
    run.hub.when(cdn, { cutAfter: 1_000_000 });
    await expectRight(await fetchWeights());
    expect(run.contentBytes).toBe(weights.size);
  });

  it("goes on when the first answers are cut before their first byte", async () => {
    publish();
    run.hub.when({ ...cdn, times: 4 }, { cutAfter: 0 });
    run.hub.when({ ...resolves, times: 2 }, { reset: true });
    await expectRight(await fetchWeights());
  });

  it("goes on when small files are cut, with ranges", async () => {
    publish();
    run.hub.when({ path: /resolve-cache/, times: 2 }, { cutAfter: 100_000 });
    await expectRight(await fetchText());
    const ranges = run.hub.requests
      .filter(({ url }) => url.includes("resolve-cache"))
      .map(({ headers }) => headers.range);
    expect(ranges).toEqual([undefined, `bytes=100000-${text.length - 1}`, `bytes=200000-${text.length - 1}`]);
  });

  it("reconnects when nothing comes any more", async () => {
    publish();
    run.hub.when({ ...cdn, times: 3 }, { stallAfter: 700_000 });
    const settings = run.settings({ downloadTimeoutMs: 300 });
    await expectRight(await fetchWeights({ settings }));
  });

  it("gives up after five tries without a byte, says how far it came, and goes on from there later", async () => {
    publish();
    const works = run.hub.when({ ...cdn, skip: 2 }, { reset: true });
    const failure = await failureOf(fetchWeights({ connections: 2 }));
    expect(failure.code).toBe("Unreachable");
    const here = Number(/(\d+) of its 9437961 bytes/.exec(failure.message)?.[1]);
    expect(here).toBe(8 * mib);
    expect(failure.message).toContain("run it again");
    await expectNothing();
    works();
    const sent = run.contentBytes;
    const events: DownloadProgress[] = [];
    await expectRight(await fetchWeights({ onProgress: (event) => events.push(event) }));
    expect(run.contentBytes - sent).toBe(weights.size - here);
    expect(events.find(({ stage }) => stage === "download")!.bytes).toBe(here);
  });

  it("gives up on a server that stalls for ever without a byte", async () => {
    publish();
    run.hub.when(cdn, { stallAfter: 0 });
    const failure = await failureOf(fetchWeights({ settings: run.settings({ downloadTimeoutMs: 60 }) }));
    expect(failure.code).toBe("Unreachable");
    expect(failure.message).toContain("nothing came for 0.06 s");
  });
});

describe("answers that are something else", () => {
  it("takes one stream from the start when ranges are ignored, cut or not", async () => {
    publish();
    run.hub.when(cdn, { ignoreRange: true });
    await expectRight(await fetchWeights());
  });

  it("keeps what it has when ranges are ignored for a while", async () => {
    publish();
    run.hub.when({ ...cdn, skip: 2, times: 1 }, { ignoreRange: true });
    await expectRight(await fetchWeights({ connections: 1 }));
  });

  it("ends when a server without ranges cuts every stream at the same place", async () => {
    publish();
    run.hub.when(cdn, { ignoreRange: true, cutAfter: 3_000_000 } as Fault);
    const failure = await failureOf(fetchWeights());
    expect(failure.code).toBe("Unreachable");
    await expectNothing();
  });

  it.each<[string, Fault, string]>([
    ["another range than asked for", { wrongRange: true }, "HubFailed"],
    ["416", { status: 416, headers: { "Content-Range": "bytes */5" } }, "HubFailed"],
    [
      "a page in HTML with status 200",
      { status: 200, body: "<html>Please log in to this network</html>" },
      "HubFailed",
    ],
    ["an empty 200", { status: 200 }, "HubFailed"],
    ["204", { status: 204 }, "HubFailed"],
    ["a range without Content-Range", { setHeaders: { "Content-Range": null } }, "HubFailed"],
    ["another size", { setHeaders: { "Content-Range": "bytes 0-4194303/99999999" } }, "HubFailed"],
    ["500 on and on", { status: 500 }, "HubFailed"],
    ["403 under every address", { status: 403 }, "HubFailed"],
  ])("%s: works when it passes, a clear error when it stays", async (_, fault, code) => {
    publish();
    run.hub.when({ ...cdn, times: 3 }, fault);
    await expectRight(await fetchWeights());
    run.hub.when(cdn, fault);
    const failure = await failureOf(fetchWeights({ force: true }));
    expect(failure.code).toBe(code);
    expect(failure.message).toContain(name);
  });

  it("notices bodies that are shorter or longer than announced", async () => {
    publish();
    run.hub.when({ ...cdn, times: 3 }, { short: 1000 });
    await expectRight(await fetchWeights());
    run.hub.when(
      { path: /resolve-cache/, times: 1 },
      { status: 200, headers: { "Content-Length": "" }, body: `${text}more` },
    );
    await expectRight(await fetchText());
  });

  it("unpacks what comes packed although it was asked not to", async () => {
    publish();
    run.hub.when({ path: /resolve-cache/ }, { gzip: true });
    await expectRight(await fetchText());
    run.hub.repo("org/zeros").commit({ "zeros.bin": { sparse: 9 * mib } });
    run.hub.when(cdn, { gzip: true });
    const { path } = await run.fetch({ repo: "org/zeros" });
    expect(await sha256OfFile(join(path, "zeros.bin"))).toBe(
      (await hashContent({ sparse: 9 * mib }, "zeros.bin")).sha256,
    );
  });

  it("refuses a page of no announced length in place of a file", async () => {
    publish();
    run.hub.when({ path: /resolve-cache/ }, {
      status: 200,
      headers: { "Transfer-Encoding": "chunked" },
      setHeaders: { "Content-Length": null },
      body: "<html>",
    } as Fault);
    const failure = await failureOf(fetchText());
    expect(failure.code).toBe("HubFailed");
    await expectNothing();
  });
});

describe("wrong content of the right length", () => {
  it("is thrown away and comes once more", async () => {
    publish();
    run.hub.when({ ...cdn, path: name, times: 3 }, { corruptAt: 9 * mib });
    await expectRight(await fetchWeights());
    expect(run.contentBytes).toBe(2 * weights.size);
  });

  it.each([name, "vocab.json"])("is never cached when it comes twice: %s", async (file) => {
    publish();
    run.hub.when({ path: file }, { corruptAt: 1234 });
    const failure = await failureOf(run.fetch({ choose: () => [file] }));
    expect(failure.code).toBe("IntegrityMismatch");
    const { etag } = await hashContent(file === name ? weights : text, file);
    expect(failure.message).toContain(etag);
    await expectNothing();
    expect(await run.leftovers()).toEqual([]);
  });

  it("is found in what an earlier download left, which is then fetched anew", async () => {
    publish();
    const works = run.hub.when({ ...cdn, skip: 2 }, { reset: true });
    await failureOf(fetchWeights({ connections: 1 }));
    works();
    const partial = (await run.leftovers()).find((left) => !left.includes(".map."))!;
    await writeFile(join(run.folder.blobs, partial), "damaged", { flag: "r+" });
    await expectRight(await fetchWeights());
  });

  it("a blob of another size is no blob", async () => {
    publish();
    const { path } = await fetchWeights();
    await truncate(join(path, name), 100);
    await expectRight(await fetchWeights());
    expect((await stat(join(path, name))).size).toBe(weights.size);
  });
});

describe("a Hub that wants less", () => {
  it("waits as RateLimit and Retry-After say, and some time where nothing says how long", async () => {
    publish();
    run.hub.when({ ...resolves, times: 1 }, { status: 429, headers: { RateLimit: '"resolvers";r=0;t=7' } });
    run.hub.when({ ...cdn, times: 1 }, { status: 503, headers: { "Retry-After": "3" } });
    const waits: number[] = [];
    const sleep = async (ms: number) => void waits.push(ms);
    await expectRight(await fetchWeights({ connections: 1, retry: { sleep } }));
    expect(waits).toEqual([8000, 4000]);
    run.hub.when({ ...cdn, times: 2 }, { status: 429 });
    waits.length = 0;
    await expectRight(await fetchWeights({ connections: 1, force: true, retry: { sleep, random: () => 0 } }));
    expect(waits).toEqual([1000, 2000]);
  });

  it("says so when the wait would be too long", async () => {
    publish();
    run.hub.when(resolves, { status: 429, headers: { RateLimit: '"resolvers";r=0;t=300' } });
    expect((await failureOf(fetchWeights())).code).toBe("RateLimited");
  });

  it("has more patience at the second try with a Hub that is slow to answer", async () => {
    publish();
    run.hub.when({ ...resolves, times: 2 }, { delayMs: 900 });
    await expectRight(await fetchWeights({ settings: run.settings({ metadataTimeoutMs: 300 }) }));
  });

  it("asks for a new address when the signed one expires in the middle", async () => {
    publish();
    let expired = false;
    const onProgress = ({ bytes }: DownloadProgress) => {
      if (expired || bytes === 0) return;
      expired = true;
      run.hub.expireSignedUrls();
    };
    run.hub.when(cdn, { rate: 10 * mib });
    await expectRight(await fetchWeights({ onProgress, connections: 2 }));
    const asked = run.hub.requests.filter(({ url }) => url.includes("/resolve/"));
    expect(asked.length).toBeGreaterThan(1);
    expect(asked.length).toBeLessThan(5);
    expect(run.hub.requests.some(({ host, status }) => host === "cdn" && status === 403)).toBe(true);
    expect(run.contentBytes).toBe(weights.size);
  });

  it("sends the token to the Hub and never to the CDN", async () => {
    run.hub.repo(repoId, { private: true }).commit({ [name]: weights });
    expect((await failureOf(fetchWeights())).code).toBe("RepoNotFound");
    const settings = run.settings({ token: "hf_good", tokenSource: "option" });
    await expectRight(await fetchWeights({ settings }));
    const withToken = run.hub.requests.filter(({ headers }) => headers.authorization !== undefined);
    expect(withToken.length).toBeGreaterThan(2);
    expect(withToken.every(({ host }) => host === "hub")).toBe(true);
  });

  it("remembers a file that the Hub no longer gives, and names it", async () => {
    publish();
    const missing = { "X-Error-Code": "EntryNotFound", "X-Repo-Commit": head };
    run.hub.when(resolves, { status: 404, headers: missing });
    const failure = await failureOf(fetchWeights());
    expect(failure.code).toBe("EntryNotFound");
    expect(failure.message).toContain(name);
    expect(await exists(run.folder.noExist(head, name))).toBe(true);
  });

  it("says once what went wrong with one file, and stops the others", async () => {
    const many = Object.fromEntries(
      Array.from({ length: 12 }, (_, i) => [`part-${i}.bin`, { seed: i, size: 5 * mib }]),
    );
    run.hub.repo(repoId).commit(many);
    run.hub.when(cdn, { rate: 2 * mib });
    run.hub.when({ path: /part-7\.bin/, host: "hub" }, { status: 403, headers: { "X-Error-Code": "GatedRepo" } });
    const failure = await failureOf(run.fetch());
    expect(failure.code).toBe("Gated");
    expect(run.contentBytes).toBeLessThan(12 * 5 * mib);
  });
});

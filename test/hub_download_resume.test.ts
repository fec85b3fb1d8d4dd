// Downloads that are killed, aborted or made twice at once: nothing comes twice, nothing is believed that is not there.

import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { partialPaths } from "../src/hub/download/blob.js";
import { blockBytes, chunkBytes } from "../src/hub/download/blocks.js";
import { partialBytes } from "../src/hub/download/partial.js";
import { type ChildProgram, makeChild } from "./hub/child.js";
import { DownloadCase, failureOf, mib, repoId, sha256OfFile } from "./hub/download_case.js";
import { hashContent } from "./hub/server.js";

let program: ChildProgram;
let run: DownloadCase;
beforeAll(async () => {
  program = await makeChild();
});
afterAll(() => program.remove());
beforeEach(async () => {
  run = await DownloadCase.start();
});
afterEach(() => run.end());

const name = "model.safetensors";
const patience = 120_000;

/** Numbers in [0, 1), the same in every run (mulberry32). */
function randomNumbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

function order(revision: string, connections = 4) {
  return { endpoint: run.hub.endpoint, cacheDir: run.cacheDir, repo: repoId, revision, connections };
}

/** Resolves when the CDN has sent so many bytes. */
async function sent(bytes: number): Promise<void> {
  while (run.contentBytes < bytes) await new Promise((resolve) => setTimeout(resolve, 1));
}

const contentRequests = () => run.hub.requests.filter(({ host }) => host === "cdn");

function rangeOf(header: string | undefined): [number, number] {
  const [, first, last] = /^bytes=(\d+)-(\d+)$/.exec(header ?? "")!;
  return [Number(first), Number(last) + 1];
}

describe("a process that is killed", () => {
  it("at any of 20 points of 200 MB: goes on, and asks for no block that its journal had", {
    timeout: patience,
  }, async () => {
    const size = 200_000_000;
    const connections = 4;
    const weights = { seed: 3, size };
    const commit = run.hub.repo(repoId).commit({ [name]: weights });
    const { sha256 } = await hashContent(weights, name);
    const paths = partialPaths(run.folder.blob(sha256));
    const random = randomNumbers(20);
    const points = Array.from({ length: 20 }, () => random() * size).sort((a, b) => a - b);
    const inFlight = connections * chunkBytes(size, connections);
    let here = 0;
    let journal = Buffer.alloc(0);
    for (const [i, point] of points.entries()) {
      const before = { bytes: run.contentBytes, requests: contentRequests().length };
      const child = program.start(order(commit, connections));
      await sent(before.bytes + point - (points[i - 1] ?? 0));
      child.process.kill("SIGKILL");
      expect((await child.done).signal).toBe("SIGKILL");
      // Nothing was asked for again that the journal said was here.
      for (const { headers } of contentRequests().slice(before.requests)) {
        const [start, end] = rangeOf(headers.range);
        for (let block = start / blockBytes; block * blockBytes < end; block++) expect(journal[block] ?? 0).toBe(0);
      }
      // All that came is in the journal, but for what was under way.
      const now = await partialBytes(paths, { etag: sha256, size });
      expect(now).toBeGreaterThanOrEqual(here + (run.contentBytes - before.bytes) - inFlight);
      here = now;
      journal = (await readFile(paths.journal).catch(() => Buffer.alloc(256))).subarray(256);
    }
    expect(here).toBeGreaterThan(0);
    const last = program.start(order(commit, connections));
    const { lines, status } = await last.done;
    expect(status).toBe(0);
    expect(lines.at(-1)!.downloadedBytes).toBe(size - here);
    expect(await sha256OfFile(join(lines.at(-1)!.path!, name))).toBe(sha256);
    expect(run.contentBytes).toBeLessThanOrEqual(size + points.length * inFlight);
    expect(await run.leftovers()).toEqual([]);
  });

  it("leaves a lock that the next one gets at once", { timeout: patience }, async () => {
    const weights = { seed: 4, size: 30 * mib };
    const commit = run.hub.repo(repoId).commit({ [name]: weights });
    run.hub.when({ host: "cdn" }, { rate: 5 * mib });
    const first = program.start(order(commit));
    await sent(5 * mib);
    const second = program.start(order(commit));
    await sent(10 * mib);
    first.process.kill("SIGKILL");
    await first.done;
    const { lines, status } = await second.done;
    expect(status).toBe(0);
    expect(lines.at(-1)!.downloadedBytes).toBeLessThan(weights.size);
    expect(await sha256OfFile(join(lines.at(-1)!.path!, name))).toBe((await hashContent(weights, name)).sha256);
  });
});

describe("two at once", () => {
  const weights = { seed: 5, size: 40 * mib };

  it("in two processes: one transfer, the other waits for it and says so", { timeout: patience }, async () => {
    run.hub.repo(repoId).commit({ [name]: weights, "config.json": "{}" });
    run.hub.when({ host: "cdn" }, { rate: 4 * mib });
    const children = [program.start(order("main")), program.start(order("main"))];
    const ended = await Promise.all(children.map(({ done }) => done));
    expect(ended.map(({ status }) => status)).toEqual([0, 0]);
    expect(run.contentBytes).toBe(weights.size);
    const waited = ended.map(({ lines }) => lines.some(({ stage }) => stage === "wait"));
    expect(waited.sort()).toEqual([false, true]);
    const [one, two] = ended.map(({ lines }) => lines.at(-1)!);
    expect(one!.path).toBe(two!.path);
    expect(await sha256OfFile(join(one!.path!, name))).toBe((await hashContent(weights, name)).sha256);
  });

  it("in one process: one transfer", async () => {
    run.hub.repo(repoId).commit({ [name]: weights, "config.json": "{}" });
    const [one, two] = await Promise.all([run.fetch(), run.fetch()]);
    expect(one!.path).toBe(two!.path);
    expect(run.contentBytes).toBe(weights.size);
    expect(await run.leftovers()).toEqual([]);
  });
});

describe("an abort", () => {
  const weights = { seed: 6, size: 30 * mib };

  it("ends soon, keeps what came, frees the lock, and lets the process end", { timeout: patience }, async () => {
    const commit = run.hub.repo(repoId).commit({ [name]: weights });
    run.hub.when({ host: "cdn" }, { rate: 4 * mib });
    const child = program.start({ ...order(commit), abortAt: 10 * mib });
    const { lines, status } = await child.done;
    expect(status).toBe(1);
    expect(lines.at(-1)!.code).toBe("Aborted");
    const { sha256 } = await hashContent(weights, name);
    const here = await partialBytes(partialPaths(run.folder.blob(sha256)), { etag: sha256, size: weights.size });
    expect(here).toBeGreaterThan(0);
    const { downloadedBytes, path } = await run.fetch();
    expect(downloadedBytes).toBe(weights.size - here);
    expect(await sha256OfFile(join(path, name))).toBe(sha256);
  });

  it("in every stage is an Aborted error, with the reason as its cause", { timeout: patience }, async () => {
    run.hub.repo(repoId).commit({ [name]: weights, "config.json": "{}" });
    const slow = run.hub.when({ host: "cdn" }, { rate: 4 * mib });
    for (const stage of ["resolve", "download", "verify"]) {
      if (stage === "verify") slow();
      const controller = new AbortController();
      const onProgress = (event: { stage: string }) => event.stage === stage && controller.abort(new Error("enough"));
      const failure = await failureOf(
        run.fetch({ signal: controller.signal, onProgress: (event) => void onProgress(event) }),
      );
      expect([stage, failure.code, (failure.cause as Error).message]).toEqual([stage, "Aborted", "enough"]);
    }
    const before = AbortSignal.abort();
    expect((await failureOf(run.fetch({ signal: before }))).code).toBe("Aborted");
    expect((await run.fetch()).files).toHaveLength(2);
  });

  it("closes the connections to the CDN", async () => {
    run.hub.repo(repoId).commit({ [name]: weights });
    run.hub.when({ host: "cdn" }, { rate: 2 * mib });
    const controller = new AbortController();
    const download = failureOf(run.fetch({ signal: controller.signal }));
    await sent(mib);
    controller.abort();
    expect((await download).code).toBe("Aborted");
    const open = () => contentRequests().filter(({ closedEarly, sent }) => !closedEarly && sent < 4 * mib);
    while (open().length > 0) await new Promise((resolve) => setTimeout(resolve, 5));
    expect(run.contentBytes).toBeLessThan(weights.size);
  });

  it("ends a wait for another process's lock", { timeout: patience }, async () => {
    const commit = run.hub.repo(repoId).commit({ [name]: weights });
    run.hub.when({ host: "cdn" }, { rate: mib });
    const other = program.start(order(commit, 1));
    await sent(mib);
    const controller = new AbortController();
    const onProgress = ({ stage }: { stage: string }) => stage === "wait" && controller.abort();
    const failure = await failureOf(
      run.fetch({ signal: controller.signal, onProgress: (event) => void onProgress(event) }),
    );
    expect(failure.code).toBe("Aborted");
    other.process.kill("SIGKILL");
    await other.done;
  });
});

// The parts of the downloader by themselves: blocks, journals, answers, budgets, progress, patterns.

import { createHash } from "node:crypto";
import { mkdtemp, open, readFile, rm, stat, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough, Readable } from "node:stream";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type AnswerHead, examine } from "../src/hub/download/answers.js";
import { Blocks, blockBytes, chunkBytes } from "../src/hub/download/blocks.js";
import { Budget } from "../src/hub/download/budget.js";
import { FileHasher } from "../src/hub/download/hash.js";
import { HashThread } from "../src/hub/download/hash_thread.js";
import { StreamInput } from "../src/hub/download/input.js";
import { Partial, partialBytes } from "../src/hub/download/partial.js";
import { type DownloadProgress, ProgressMeter } from "../src/hub/download/progress.js";
import { receive, type Target } from "../src/hub/download/receive.js";
import { filterPaths } from "../src/hub/patterns.js";
import { failureOf, mib } from "./hub/download_case.js";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "deadlift-parts-"));
});
afterEach(() => rm(folder, { recursive: true }));

describe("Blocks", () => {
  it("hands out every byte once, and again what is given back", () => {
    const blocks = new Blocks(10 * mib + 5);
    const first = blocks.take(4 * mib)!;
    const second = blocks.take(4 * mib)!;
    const third = blocks.take(4 * mib)!;
    expect([first, second, third]).toEqual([
      { start: 0, end: 4 * mib },
      { start: 4 * mib, end: 8 * mib },
      { start: 8 * mib, end: 10 * mib + 5 },
    ]);
    expect(blocks.take(4 * mib)).toBeUndefined();
    blocks.reached(second.start, second.start + 2 * mib + 3);
    blocks.release(second);
    expect(blocks.take(100 * mib)).toEqual({ start: 6 * mib, end: 8 * mib });
    expect(blocks.writtenBytes).toBe(2 * mib);
    expect(blocks.frontier).toBe(0);
    blocks.reached(0, 4 * mib);
    expect(blocks.frontier).toBe(6 * mib);
  });

  it("counts the last block by its bytes, and a whole one only when all of it is there", () => {
    const blocks = new Blocks(2 * mib + 5);
    blocks.reached(2 * mib, 2 * mib + 4);
    expect(blocks.writtenBytes).toBe(0);
    blocks.reached(2 * mib, 2 * mib + 5);
    expect(blocks.writtenBytes).toBe(5);
    blocks.reached(0, 2 * mib);
    expect(blocks.complete).toBe(true);
    expect(blocks.frontier).toBe(2 * mib + 5);
    expect(new Blocks(0).complete).toBe(true);
  });

  it("asks for 4 to 16 MiB at once, in whole blocks", () => {
    for (const size of [1, 10 * mib, 1e9, 5e9, 1e12]) {
      for (const connections of [1, 8, 64]) {
        const bytes = chunkBytes(size, connections);
        expect(bytes % blockBytes).toBe(0);
        expect(bytes).toBeGreaterThanOrEqual(4 * mib);
        expect(bytes).toBeLessThanOrEqual(16 * mib);
      }
    }
  });
});

describe("Partial", () => {
  const identity = { etag: "a".repeat(64), size: 3 * mib + 10 };
  const paths = () => ({ data: join(folder, "data"), journal: join(folder, "journal") });
  const range = { start: 0, end: identity.size };

  async function leave(to: number): Promise<void> {
    const partial = await Partial.open(paths(), identity);
    await partial.write([Buffer.alloc(to, 7)], 0);
    partial.reached(range, to);
    await partial.close();
  }

  it("goes on from the blocks that its journal has", async () => {
    await leave(2 * mib + 100);
    expect(await partialBytes(paths(), identity)).toBe(2 * mib);
    const again = await Partial.open(paths(), identity);
    expect(again.blocks.take(100 * mib)).toEqual({ start: 2 * mib, end: identity.size });
    await again.close();
    expect((await stat(paths().data)).size).toBe(identity.size);
  });

  it.each<[string, (journal: Buffer) => Buffer | undefined]>([
    ["cut off", (journal) => journal.subarray(0, journal.length - 1)],
    ["too long", (journal) => Buffer.concat([journal, Buffer.of(1)])],
    ["of another file", (journal) => Buffer.from(journal.toString("latin1").replace("aaa", "bbb"), "latin1")],
    [
      "of another block size",
      (journal) => Buffer.from(journal.toString("latin1").replace("1048576", "2097152"), "latin1"),
    ],
    ["of random bytes", (journal) => Buffer.alloc(journal.length, 1)],
    ["gone", () => undefined],
  ])("starts anew when its journal is %s", async (_, change) => {
    await leave(2 * mib);
    const changed = change(await readFile(paths().journal));
    if (changed) await writeFile(paths().journal, changed);
    else await rm(paths().journal);
    expect(await partialBytes(paths(), identity)).toBe(0);
    const partial = await Partial.open(paths(), identity);
    expect(partial.blocks.writtenBytes).toBe(0);
    await partial.close();
    expect(await partialBytes(paths(), identity)).toBe(0);
  });

  it("starts anew when its data have another size or are gone", async () => {
    await leave(2 * mib);
    await truncate(paths().data, 2 * mib);
    expect(await partialBytes(paths(), identity)).toBe(0);
    await leave(2 * mib);
    await rm(paths().data);
    const partial = await Partial.open(paths(), identity);
    expect(partial.blocks.writtenBytes).toBe(0);
    await partial.close();
  });

  it("takes states that nobody wrote for blocks that are missing", async () => {
    await leave(identity.size);
    const journal = await open(paths().journal, "r+");
    await journal.write(Buffer.of(2, 255, 0), 0, 3, 256);
    await journal.close();
    expect(await partialBytes(paths(), identity)).toBe(10);
  });

  it("forgets everything when told to", async () => {
    const partial = await Partial.open(paths(), identity);
    partial.reached(range, 2 * mib);
    await partial.clear();
    await partial.close();
    expect(await partialBytes(paths(), identity)).toBe(0);
  });

  it.each([-1, 1.5, 2 ** 53, Number.NaN, 17 * 2 ** 40])("refuses a size of %s", async (size) => {
    expect((await failureOf(Partial.open(paths(), { ...identity, size }))).code).toBe("LimitExceeded");
  });
});

describe("examine", () => {
  const size = 1000;
  const asked = { start: 100, end: 200 };
  const head = (status: number, headers: Record<string, string> = {}): AnswerHead => ({ status, headers });
  const range = (text: string, more: Record<string, string> = {}) => head(206, { "content-range": text, ...more });

  it("takes the range asked for, or the first part of it", () => {
    expect(examine(range("bytes 100-199/1000"), asked, size)).toEqual({ kind: "range", range: asked });
    expect(examine(range("bytes 100-149/*"), asked, size)).toEqual({ kind: "range", range: { start: 100, end: 150 } });
    expect(examine(range("bytes 0-999/1000"), undefined, size)).toMatchObject({ kind: "range" });
  });

  it.each([
    range("bytes 101-199/1000"),
    range("bytes 0-199/1000"),
    range("bytes 100-200/1000"),
    range("bytes 100-99/1000"),
    range("bytes 100-199/1001"),
    range("bytes 100-199"),
    range("items 100-199/1000"),
    range("bytes 100-199/1000", { "content-length": "101" }),
    range("bytes 100-199/1000", { "content-encoding": "gzip" }),
    head(206, { "content-type": "multipart/byteranges; boundary=x" }),
    head(416, { "content-range": "bytes */50" }),
    head(204),
    head(304),
    head(200, { "content-length": "50" }),
    head(200, { "content-encoding": "zstd" }),
  ])("finds no sense in %j", (answer) => {
    expect(examine(answer, asked, size)).toMatchObject({ kind: "nonsense", why: expect.stringMatching(/./) });
  });

  it("knows whole files, packed or not", () => {
    expect(examine(head(200, { "content-length": "1000" }), asked, size)).toEqual({
      kind: "whole",
      encoding: undefined,
    });
    expect(examine(head(200), undefined, size)).toEqual({ kind: "whole", encoding: undefined });
    const packed = head(200, { "content-encoding": "GZIP", "content-length": "20" });
    expect(examine(packed, undefined, size)).toEqual({ kind: "whole", encoding: "gzip" });
  });
});

describe("receive", () => {
  function target(changes: { -readonly [Key in keyof Target]?: Target[Key] } = {}) {
    const written = Buffer.alloc(5 * mib);
    const sizes: number[] = [];
    const all: Target = {
      start: 0,
      end: 5 * mib,
      async write(buffers, position) {
        const bytes = Buffer.concat(buffers);
        bytes.copy(written, position);
        sizes.push(bytes.length);
        await new Promise((resolve) => setTimeout(resolve, 2));
      },
      onWritten: () => {},
      onReceived: () => {},
      stallMs: 10_000,
      signal: new AbortController().signal,
      ...changes,
    };
    return { all, written, sizes };
  }
  const stream = (count: number) => Readable.from(Array.from({ length: count }, (_, i) => Buffer.alloc(65_536, i)));
  const pieces = (count: number) => new StreamInput(stream(count));

  it("writes in order, much at once, and never holds much more than it writes", async () => {
    let received = 0;
    let safe = 0;
    let most = 0;
    const { all, written, sizes } = target({
      onReceived: (bytes) => {
        received += bytes;
        most = Math.max(most, received - safe);
      },
      onWritten: (to) => {
        safe = to;
      },
    });
    expect(await receive(pieces(80), all)).toMatchObject({ at: 5 * mib, how: "ended" });
    expect(written.equals(Buffer.concat(Array.from({ length: 80 }, (_, i) => Buffer.alloc(65_536, i))))).toBe(true);
    expect(sizes.length).toBeLessThan(12);
    expect(most).toBeLessThanOrEqual(4 * mib);
  });

  it("lets others have their turn, however much is ready", async () => {
    let inTurn = 0;
    let most = 0;
    const { all } = target({
      onReceived: (bytes) => {
        inTurn += bytes;
        most = Math.max(most, inTurn);
      },
    });
    let over = false;
    const turn = () => {
      inTurn = 0;
      if (!over) setImmediate(turn);
    };
    turn();
    expect(await receive(pieces(80), all)).toMatchObject({ at: 5 * mib, how: "ended" });
    over = true;
    expect(most).toBeLessThanOrEqual(mib / 2);
  });

  it("writes what came before a break, and tells where it was", async () => {
    const body = new PassThrough();
    body.write(Buffer.alloc(1000, 1));
    setTimeout(() => body.destroy(new Error("gone")), 20);
    const { all, written } = target({ start: 500 });
    expect(await receive(new StreamInput(body), all)).toMatchObject({ at: 1500, how: "cut", cause: new Error("gone") });
    expect(written[1499]).toBe(1);
  });

  it("stops at its end when more comes", async () => {
    const { all } = target({ end: 100_000 });
    const body = stream(80);
    expect(await receive(new StreamInput(body), all)).toMatchObject({ at: 100_000, how: "tooLong" });
    expect(body.destroyed).toBe(true);
  });

  it("finds a stall, but not where the disk is slow", async () => {
    const silent = new PassThrough();
    expect(await receive(new StreamInput(silent), target({ stallMs: 30 }).all)).toMatchObject({
      at: 0,
      how: "stalled",
    });
    expect(silent.destroyed).toBe(true);
    const slow = target({ stallMs: 30, write: () => new Promise((resolve) => setTimeout(resolve, 150)) });
    expect(await receive(pieces(80), slow.all)).toMatchObject({ how: "ended" });
  });

  it("throws what writing throws, and what the signal says, after the last write", async () => {
    const full = target({ write: () => Promise.reject(new Error("disk full")) });
    await expect(receive(pieces(80), full.all)).rejects.toThrow("disk full");
    const controller = new AbortController();
    let writing = 0;
    const write = async () => {
      writing++;
      controller.abort();
      await new Promise((resolve) => setTimeout(resolve, 20));
      writing--;
    };
    expect((await failureOf(receive(pieces(80), target({ write, signal: controller.signal }).all))).code).toBe(
      "Aborted",
    );
    expect(writing).toBe(0);
  });
});

describe("FileHasher", () => {
  it("follows a file that grows, in this thread and in its own", async () => {
    const hasher = new FileHasher();
    for (const size of [0, 10, 5 * mib + 3]) {
      for (const [etag, expected] of hashes(size)) {
        const file = await open(join(folder, `${size}-${etag.length}`), "w+");
        await file.truncate(size);
        const read = async (into: Buffer, position: number) =>
          (await file.read(into, 0, into.length, position)).bytesRead;
        const hash = hasher.hash({ fd: file.fd, size, etag, read });
        for (let at = 0; at < size; at += mib) {
          await file.write(Buffer.alloc(Math.min(mib, size - at), 9), 0, undefined, at);
          hash.advance(Math.min(size, at + mib));
        }
        hash.advance(size);
        expect(await hash.digest()).toBe(expected);
        await hash.close();
        await file.close();
      }
    }
    await hasher.close();
  });

  it("does without a thread where none may be started", async () => {
    const hasher = new FileHasher(() => {
      throw new Error("ERR_ACCESS_DENIED");
    });
    const file = await open(join(folder, "large"), "w+");
    await file.write(Buffer.alloc(5 * mib, 9));
    const read = async (into: Buffer, position: number) => (await file.read(into, 0, into.length, position)).bytesRead;
    for (const [etag, expected] of hashes(5 * mib)) {
      const hash = hasher.hash({ fd: file.fd, size: 5 * mib, etag, read });
      hash.advance(5 * mib);
      expect(await hash.digest()).toBe(expected);
      await hash.close();
    }
    await hasher.close();
    await file.close();
  });

  it("goes on in this thread when its own dies", async () => {
    const thread = new HashThread();
    const hasher = new FileHasher(() => thread);
    const file = await open(join(folder, "large"), "w+");
    await file.write(Buffer.alloc(5 * mib, 9));
    const read = async (into: Buffer, position: number) => (await file.read(into, 0, into.length, position)).bytesRead;
    const [etag, expected] = hashes(5 * mib)[0]!;
    const hash = hasher.hash({ fd: file.fd, size: 5 * mib, etag, read });
    const digest = hash.digest();
    await thread.close();
    hash.advance(5 * mib);
    expect(await digest).toBe(expected);
    await hash.close();
    const after = hasher.hash({ fd: file.fd, size: 5 * mib, etag, read });
    expect(await after.digest()).toBe(expected);
    await after.close();
    await hasher.close();
    await file.close();
  });

  it("gives up without an answer when it is closed, and reports a file that ends too soon", async () => {
    const hasher = new FileHasher();
    const file = await open(join(folder, "short"), "w+");
    const hashed = { fd: file.fd, size: 9 * mib, etag: "a".repeat(64), read: async () => 0 };
    const closed = hasher.hash(hashed);
    const digest = closed.digest();
    await closed.close();
    expect(await digest).toBe("");
    const short = hasher.hash(hashed);
    short.advance(9 * mib);
    expect((await failureOf(short.digest())).message).toContain("ends at 0");
    await short.close();
    await hasher.close();
    await file.close();
  });

  function hashes(size: number): [string, string][] {
    const bytes = Buffer.alloc(size, 9);
    const git = createHash("sha1").update(`blob ${size}\0`).update(bytes).digest("hex");
    return [
      ["f".repeat(64), createHash("sha256").update(bytes).digest("hex")],
      ["f".repeat(40), git],
    ];
  }
});

describe("Budget", () => {
  it("lets so many run at a time, in order, and those who leave the queue do not count", async () => {
    const budget = new Budget(2);
    const { signal } = new AbortController();
    let running = 0;
    let most = 0;
    const order: number[] = [];
    const work = (i: number) => async () => {
      order.push(i);
      most = Math.max(most, ++running);
      await new Promise((resolve) => setTimeout(resolve, 5));
      running--;
    };
    const leaving = new AbortController();
    const jobs = [0, 1, 2, 3, 4].map((i) => budget.use(i === 2 ? leaving.signal : signal, work(i)));
    leaving.abort();
    const [, , left] = await Promise.allSettled(jobs);
    expect(left).toMatchObject({ status: "rejected", reason: { code: "Aborted" } });
    expect(order).toEqual([0, 1, 3, 4]);
    expect(most).toBe(2);
    await expect(budget.use(signal, () => Promise.reject(new Error("no")))).rejects.toThrow("no");
    expect(await Promise.all([0, 1, 2].map((i) => budget.use(signal, async () => i)))).toEqual([0, 1, 2]);
  });
});

describe("ProgressMeter", () => {
  it("tells at most ten times a second, with the speed of the last seconds", () => {
    let now = 0;
    const events: DownloadProgress[] = [];
    const meter = new ProgressMeter(
      "org/model",
      (event) => events.push(event),
      () => now,
    );
    meter.add("a", 100_000, 20_000);
    meter.stage("download", "a");
    for (let i = 0; i < 80; i++) {
      now += 25;
      meter.advance("a", 1000);
    }
    expect(events.length).toBe(1 + 20);
    expect(events.at(-1)).toMatchObject({ fileBytes: 100_000, fileSize: 100_000, bytesPerSecond: 40_000, etaMs: 0 });
    expect(events[1]).toMatchObject({ bytes: 24_000, bytesPerSecond: 40_000, etaMs: 76_000 / 40 });
    now += 60_000;
    meter.finish("a");
    expect(events.at(-1)!.bytesPerSecond).toBeLessThan(1000);
    expect(meter.received).toBe(80_000);
  });
});

describe("patterns", () => {
  const paths = ["a.json", "b/c.json", "b/d/e.bin", "B/x.txt", "[1].txt", "-.md", "x!y", "é.txt", "😀.txt", "a\\b.txt"];

  // What Python's filter_repo_objects answers.
  it.each<[string[] | undefined, string[] | undefined, string[]]>([
    [["*.json"], undefined, ["a.json", "b/c.json"]],
    [["b/"], undefined, ["b/c.json", "b/d/e.bin"]],
    [["b/*.bin"], undefined, ["b/d/e.bin"]],
    [["b\\d\\*"], undefined, ["b/d/e.bin"]],
    [["?.json"], undefined, ["a.json"]],
    [["[a-c]*.json"], undefined, ["a.json", "b/c.json"]],
    [["[!a]*.json"], undefined, ["b/c.json"]],
    [["[[]1].txt"], undefined, ["[1].txt"]],
    [["[1].txt"], undefined, []],
    [["[]-]*"], undefined, ["-.md"]],
    [["[a-]*"], undefined, ["a.json", "-.md", "a\\b.txt"]],
    [["x[!]y"], undefined, []],
    [["x[!a]y"], undefined, ["x!y"]],
    [["[z-a]*"], undefined, []],
    [["?.txt"], undefined, ["é.txt", "😀.txt"]],
    [["a/b.txt"], undefined, ["a\\b.txt"]],
    [["[", "a*n"], undefined, ["a.json"]],
    [undefined, ["*.txt", "b/*"], ["a.json", "-.md", "x!y"]],
    [["*"], ["*.json"], ["b/d/e.bin", "B/x.txt", "[1].txt", "-.md", "x!y", "é.txt", "😀.txt", "a\\b.txt"]],
    [[], undefined, []],
  ])("%j without %j", (include, exclude, expected) => {
    expect(filterPaths(paths, include, exclude)).toEqual(expected);
  });

  it("takes no time that grows with the number of stars", () => {
    expect(filterPaths(["a".repeat(5000)], [`${"*a".repeat(500)}b`], undefined)).toEqual([]);
  });
});

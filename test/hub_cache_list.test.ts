// The listing of the cache: what is counted, what is called corrupt, what never blocks.

import { mkdirSync, readdirSync, symlinkSync, unlinkSync, utimesSync } from "node:fs";
import { join } from "node:path";
import { expect, it, onTestFinished, vi } from "vitest";
import { listCache } from "../src/hub/cache/scan.js";
import { CacheCase, commitA, commitB, etagOf, xetHash } from "./hub/cache_case.js";
import { tempFolder } from "./reference/temp.js";

const list = (cache: CacheCase) => listCache({ cacheDir: cache.path });

it("a cache that is not there is empty", async () => {
  const cacheDir = join(tempFolder(), "none");
  expect(await listCache({ cacheDir })).toEqual({
    path: cacheDir,
    repos: [],
    sizeOnDisk: 0,
    incomplete: [],
    sharedStore: undefined,
    warnings: [],
  });
});

it("a file is no cache, and an unknown option an error", async () => {
  const folder = tempFolder({ file: "" });
  await expect(listCache({ cacheDir: join(folder, "file") })).rejects.toMatchObject({ code: "InvalidArgument" });
  await expect(listCache({ cachedir: folder } as object)).rejects.toMatchObject({ code: "UnknownOption" });
});

it("repositories, revisions and files are counted, what they share once", async () => {
  const cache = new CacheCase();
  cache.add("org/model", commitA, { "a.bin": "12345", "sub/b.json": "123", "copy.bin": "12345" }, { refs: [] });
  cache.add("org/model", commitB, { "a.bin": "12345", "c.json": "1234567" }, { refs: ["main", "refs/pr/1", "v1"] });
  cache.add("dataset/org/data", commitA, { "d.bin": "12" }, { refs: ["main"] });
  cache.write(join(cache.path, "CACHEDIR.TAG"), "");
  cache.write(join(cache.path, ".DS_Store"), "");
  cache.write(join(cache.repo("org/model"), "refs", ".DS_Store"), "");
  cache.write(join(cache.repo("org/model"), "snapshots", ".DS_Store"), "");
  cache.write(cache.lockOf("org/model", etagOf("a.bin", "12345")), "");
  cache.write(join(cache.repo("org/model"), "blobs", `${"1".repeat(64)}.abcd1234.incomplete`), "part");
  const when = new Date("2026-01-02T03:04:05Z");
  utimesSync(cache.blob("org/model", "a.bin", "12345"), when, when);
  utimesSync(cache.blob("org/model", "b.json", "123"), when, when);

  const { repos, sizeOnDisk, incomplete, sharedStore, warnings } = await list(cache);
  expect(warnings).toEqual([]);
  expect(sharedStore).toBeUndefined();
  expect(sizeOnDisk).toBe(5 + 3 + 7 + 2);
  expect(incomplete).toEqual([
    { path: join(cache.repo("org/model"), "blobs", `${"1".repeat(64)}.abcd1234.incomplete`), size: 4 },
  ]);
  expect(repos.map(({ type, id }) => `${type} ${id}`)).toEqual(["dataset org/data", "model org/model"]);
  const model = repos[1]!;
  expect(model).toMatchObject({ path: cache.repo("org/model"), sizeOnDisk: 15, fileCount: 3 });
  expect(model.revisions.map(({ commit, refs, sizeOnDisk: size }) => ({ commit, refs, size }))).toEqual([
    { commit: commitA, refs: [], size: 8 },
    { commit: commitB, refs: ["main", "refs/pr/1", "v1"], size: 12 },
  ]);
  expect(model.revisions[0]!.lastModified).toBe(when.getTime());
  expect(model.revisions[0]!.files).toEqual([
    { path: "a.bin", size: 5, blob: cache.blob("org/model", "a.bin", "12345") },
    { path: "copy.bin", size: 5, blob: cache.blob("org/model", "a.bin", "12345") },
    { path: "sub/b.json", size: 3, blob: cache.blob("org/model", "b.json", "123") },
  ]);
});

it("a revision is complete when every file of its commit is there", async () => {
  const cache = new CacheCase();
  cache.add("org/all", commitA, { "a.bin": "123" }, { tree: true });
  cache.add("org/some", commitA, { "a.bin": "123" }, { absent: { "b.bin": "4" } });
  cache.add("org/unknown", commitA, { "a.bin": "123" });
  cache.add("org/broken", commitA, { "a.bin": "123" });
  cache.write(join(cache.repo("org/broken"), "trees", `${commitA}.json`), "{");
  const { repos } = await list(cache);
  expect(Object.fromEntries(repos.map(({ id, revisions }) => [id, revisions[0]!.complete]))).toEqual({
    "org/all": true,
    "org/some": false,
    "org/unknown": undefined,
    "org/broken": undefined,
  });
});

it("what repositories share is counted for each, and once for all", async () => {
  const cache = new CacheCase();
  const entry = cache.share("org/one", "m.bin", "weights", xetHash);
  cache.share("org/two", "m.bin", "weights", xetHash);
  cache.add("org/one", commitA, { "m.bin": "weights", "one.json": "1" });
  cache.add("org/two", commitA, { "m.bin": "weights" });
  cache.write(join(cache.path, "blobs", "99", "9".repeat(64)), "unused");
  const { repos, sizeOnDisk, sharedStore, warnings } = await list(cache);
  expect(warnings).toEqual([]);
  expect(repos.map((repo) => repo.sizeOnDisk)).toEqual([8, 7]);
  expect(sharedStore).toEqual({ fileCount: 2, size: 13 });
  expect(sizeOnDisk).toBe(14);
  expect(repos[0]!.revisions[0]!.files[0]!.blob).not.toBe(entry);
});

it("what is corrupt is left out, with a warning that names it", async () => {
  const cache = new CacheCase();
  cache.add("org/good", commitA, { "a.bin": "1" });
  cache.write(join(cache.path, "file--x"), "");
  mkdirSync(join(cache.path, "folder"));
  mkdirSync(join(cache.path, "blobs")); // without the mark of a store
  mkdirSync(join(cache.path, "things--org--name", "snapshots"), { recursive: true });
  mkdirSync(join(cache.repo("org/empty"), "refs"), { recursive: true });
  cache.add("org/no-snapshot", commitA, {});
  cache.write(join(cache.repo("org/no-snapshot"), "refs", "dev"), commitB);
  cache.add("org/newline", commitA, {}, { refs: [] });
  cache.write(join(cache.repo("org/newline"), "refs", "main"), `${commitA}\n`);
  cache.add("org/file-in-snapshots", commitA, {});
  cache.write(join(cache.repo("org/file-in-snapshots"), "snapshots", "x"), "");
  cache.add("org/dangling", commitA, { "a.bin": "1" });
  unlinkSync(cache.blob("org/dangling", "a.bin", "1"));
  cache.add("org/refs-file", commitA, {}, { refs: [] });
  cache.write(join(cache.repo("org/refs-file"), "refs"), "");
  const { repos, warnings } = await list(cache);
  expect(repos.map(({ id }) => id)).toEqual(["org/good"]);
  const named = ["no-snapshot", "newline", "file-in-snapshots", "dangling", "refs-file", "empty"].map((name) =>
    cache.repo(`org/${name}`),
  );
  for (const name of ["file--x", "folder", "blobs", "things--org--name"]) named.push(join(cache.path, name));
  for (const path of named)
    expect(
      warnings.filter((warning) => warning.startsWith(path)),
      path,
    ).toHaveLength(1);
  expect(warnings).toHaveLength(named.length);
});

it.runIf(process.platform !== "win32")("links to folders are not walked, and loops of links do no harm", async () => {
  const cache = new CacheCase();
  const outside = tempFolder({ "big.bin": "0123456789" });
  cache.add("org/model", commitA, { "a.bin": "123" });
  const snapshot = join(cache.repo("org/model"), "snapshots", commitA);
  symlinkSync(outside, join(snapshot, "out"));
  symlinkSync(snapshot, join(snapshot, "loop"));
  const { repos, warnings } = await list(cache);
  expect(warnings).toEqual([]);
  expect(repos[0]!.revisions[0]!.files.map(({ path }) => path)).toEqual(["a.bin"]);
  symlinkSync("self", join(snapshot, "self"));
  expect((await list(cache)).warnings).toHaveLength(1);
});

it("many files leave the event loop its turns", async () => {
  const cache = new CacheCase();
  const files = Object.fromEntries(Array.from({ length: 15 }, (_, i) => [`f${i}.json`, String(i)]));
  for (let repo = 0; repo < 10; repo++) cache.add(`org/m${repo}`, commitA, files);
  let turns = 0;
  let listed = false;
  const turn = () => {
    turns++;
    if (!listed) setImmediate(turn);
  };
  turn();
  const { repos } = await list(cache);
  listed = true;
  expect(repos).toHaveLength(10);
  expect(turns).toBeGreaterThan(20);
});

it("needs no token, not even one that cannot be read", async () => {
  vi.stubEnv("HF_TOKEN_PATH", tempFolder());
  vi.stubEnv("HF_TOKEN", undefined);
  vi.stubEnv("HUGGING_FACE_HUB_TOKEN", undefined);
  onTestFinished(() => void vi.unstubAllEnvs());
  const cache = new CacheCase();
  expect((await list(cache)).repos).toEqual([]);
});

it("changes nothing", async () => {
  const cache = new CacheCase();
  cache.add("org/model", commitA, { "a.bin": "123" });
  const before = readdirSync(cache.path, { recursive: true });
  await list(cache);
  expect(readdirSync(cache.path, { recursive: true })).toEqual(before);
});

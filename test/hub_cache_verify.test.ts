// Verifying the cache: what differs, what is missing, what nobody knows; in pieces that leave the event loop free.

import { mkdirSync, symlinkSync, truncateSync, unlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { hashFile } from "../src/hub/cache/hash_file.js";
import { type VerifyProgress, verifyCache } from "../src/hub/cache/verify.js";
import { CacheCase, commitA, commitB, gitSha1, sha256, xetHash } from "./hub/cache_case.js";
import { tempFolder } from "./reference/temp.js";

function verify(cache: CacheCase, options: object = {}) {
  return verifyCache({ cacheDir: cache.path, ...options });
}

it("hashes are those of sha256sum and git, for files of any size", async () => {
  const sizes = [0, 1, 512 * 1024 - 1, 512 * 1024, 512 * 1024 + 1, 3_000_000];
  for (const size of sizes) {
    const data = "x".repeat(size);
    const folder = tempFolder({ file: data });
    const pieces: number[] = [];
    const path = join(folder, "file");
    expect(await hashFile(path, "sha256", { onBytes: (bytes) => pieces.push(bytes) })).toBe(sha256(data));
    expect(await hashFile(path, "git-sha1")).toBe(gitSha1(data));
    expect(pieces.reduce((sum, bytes) => sum + bytes, 0)).toBe(size);
    expect(Math.max(0, ...pieces)).toBeLessThanOrEqual(512 * 1024);
  }
  expect(gitSha1("hello\n")).toBe("ce013625030ba8dba906f756967f9e9ca394464a");
});

it("a file that becomes shorter meanwhile is no whole one", async () => {
  const path = join(tempFolder({ file: "x".repeat(4_000_000) }), "file");
  const hashing = hashFile(path, "sha256", { onBytes: () => truncateSync(path, 600_000) });
  await expect(hashing).rejects.toMatchObject({ code: "Truncated" });
});

it("by the listing of the commit: all that is there is compared, all that is not is named", async () => {
  const cache = new CacheCase();
  const files = { "good.bin": "weights", "good.json": "{}", "bad.bin": "right", "sub/bad.json": "right" };
  cache.add("org/model", commitA, files, { absent: { "absent.bin": "1", "dangling.bin": "2" } });
  const snapshot = join(cache.repo("org/model"), "snapshots", commitA);
  writeFileSync(cache.blob("org/model", "bad.bin", "right"), "wrong");
  writeFileSync(cache.blob("org/model", "bad.json", "right"), "longer than right");
  writeFileSync(join(snapshot, "extra.txt"), "1");
  symlinkSync(join("..", "..", "blobs", sha256("2")), join(snapshot, "dangling.bin"));
  const { revisions, ok, checked, bytes } = await verify(cache);
  expect({ ok, checked, bytes }).toEqual({ ok: false, checked: 4, bytes: 7 + 2 + 5 + 17 });
  expect(revisions).toEqual([
    {
      repo: "org/model",
      type: "model",
      commit: commitA,
      path: snapshot,
      checked: 4,
      mismatches: expect.arrayContaining([
        { path: "bad.bin", expected: sha256("right"), actual: sha256("wrong"), algorithm: "sha256" },
        {
          path: "sub/bad.json",
          expected: gitSha1("right"),
          actual: gitSha1("longer than right"),
          algorithm: "git-sha1",
        },
      ]),
      missing: ["absent.bin", "dangling.bin"],
      extra: ["extra.txt"],
      unverifiable: [],
    },
  ]);
  expect(revisions[0]!.mismatches).toHaveLength(2);
});

it("without a listing: by the names of the blobs, also of shared ones", async () => {
  const cache = new CacheCase();
  cache.share("org/model", "m.bin", "weights", xetHash);
  cache.add("org/model", commitA, { "m.bin": "weights", "c.json": "{}", "bad.json": "right", "gone.json": "1" });
  writeFileSync(cache.blob("org/model", "bad.json", "right"), "wrong");
  unlinkSync(cache.blob("org/model", "gone.json", "1"));
  const snapshot = join(cache.repo("org/model"), "snapshots", commitA);
  writeFileSync(join(snapshot, "plain.json"), "1");
  const { revisions, checked } = await verify(cache);
  expect(checked).toBe(3);
  expect(revisions[0]).toMatchObject({
    mismatches: [{ path: "bad.json" }],
    missing: ["gone.json"],
    extra: [],
    unverifiable: ["plain.json"],
  });
});

it("by what the Hub lists now", async () => {
  const cache = new CacheCase();
  cache.add("org/model", commitA, { "a.json": "1", "b.json": "2" }, { tree: true });
  const asked: string[] = [];
  const remote = async (repo: string, commit: string) => {
    asked.push(`${repo} ${commit}`);
    return [{ path: "a.json", size: 1, blobId: gitSha1("other") }];
  };
  const { ok, revisions } = await verify(cache, { remote });
  expect(asked).toEqual([`org/model ${commitA}`]);
  expect(ok).toBe(false);
  expect(revisions[0]).toMatchObject({ checked: 1, extra: ["b.json"], mismatches: [{ path: "a.json" }] });
});

it("what several revisions have is read once", async () => {
  const cache = new CacheCase();
  cache.add("org/model", commitA, { "a.bin": "12345", "x.json": "1" }, { refs: ["v1"] });
  cache.add("org/model", commitB, { "a.bin": "12345" });
  cache.add("org/other", commitA, { "a.bin": "12345" });
  const progress: VerifyProgress[] = [];
  const onProgress = (one: VerifyProgress) => progress.push(one);
  const { ok, checked, bytes } = await verify(cache, { repo: "org/model", onProgress });
  expect({ ok, checked, bytes }).toEqual({ ok: true, checked: 3, bytes: 6 });
  expect(progress.map((one) => one.bytes)).toEqual([5, 6]);
  expect(progress[0]).toEqual({ repo: "org/model", commit: commitA, file: "a.bin", bytes: 5, totalBytes: 6 });
  expect((await verify(cache)).checked).toBe(4);
});

it("of one revision, named in any way", async () => {
  const cache = new CacheCase();
  cache.add("org/model", commitA, { "a.bin": "1" }, { refs: ["v1", "refs/pr/1"] });
  cache.add("org/model", commitB, { "a.bin": "1" });
  cache.add("dataset/org/data", commitB, { "a.bin": "1" });
  const commits = async (options: object) => (await verify(cache, options)).revisions.map(({ commit }) => commit);
  expect(await commits({ repo: "org/model" })).toEqual([commitA, commitB]);
  expect(await commits({ repo: "org/model", revision: "v1" })).toEqual([commitA]);
  expect(await commits({ repo: "org/model", revision: "refs/pr/1" })).toEqual([commitA]);
  expect(await commits({ repo: "org/model@main" })).toEqual([commitB]);
  expect(await commits({ repo: "model/org/model", revision: commitA })).toEqual([commitA]);
  expect(await commits({ repo: "org/model", revision: "aaaaaa" })).toEqual([commitA]);
  expect(await commits({ repo: "dataset/org/data" })).toEqual([commitB]);
  const code = (name: string) => ({ code: name });
  await expect(verify(cache, { repo: "org/none" })).rejects.toMatchObject(code("RepoNotFound"));
  await expect(verify(cache, { repo: "../x" })).rejects.toMatchObject(code("InvalidArgument"));
  await expect(verify(cache, { repo: "org/model", revision: "v2" })).rejects.toMatchObject(code("RevisionNotFound"));
  await expect(verify(cache, { repo: "org/model", revision: ".." })).rejects.toMatchObject(code("InvalidArgument"));
  await expect(verify(cache, { revision: "v1" })).rejects.toMatchObject(code("InvalidArgument"));
  await expect(verify(cache, { hash: "v1" })).rejects.toMatchObject(code("UnknownOption"));
  await expect(verifyCache({ cacheDir: join(cache.path, "none"), repo: "a/b" })).rejects.toMatchObject(
    code("RepoNotFound"),
  );
  expect(await verifyCache({ cacheDir: join(cache.path, "none") })).toEqual({
    revisions: [],
    ok: true,
    checked: 0,
    bytes: 0,
  });
});

it("stops by a signal", async () => {
  const cache = new CacheCase();
  cache.add("org/model", commitA, { "a.bin": "x".repeat(3_000_000) });
  const stop = new AbortController();
  const onProgress = () => stop.abort();
  await expect(verify(cache, { signal: stop.signal, onProgress })).rejects.toMatchObject({ code: "Aborted" });
  await expect(verify(cache, { signal: stop.signal })).rejects.toMatchObject({ code: "Aborted" });
});

it("a folder where a file should be is not read", async () => {
  const cache = new CacheCase();
  cache.add("org/model", commitA, { "a.bin": "1" }, { absent: { "b.bin": "2" } });
  mkdirSync(join(cache.repo("org/model"), "snapshots", commitA, "b.bin"));
  expect((await verify(cache)).revisions[0]).toMatchObject({ checked: 1, missing: ["b.bin"] });
});

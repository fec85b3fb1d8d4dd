// Removing from the cache: exactly what nothing else uses, never what is outside, never what somebody is downloading.

import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, it, onTestFinished } from "vitest";
import { pruneCache } from "../src/hub/cache/prune.js";
import { removeFromCache } from "../src/hub/cache/remove.js";
import { listCache } from "../src/hub/cache/scan.js";
import { CacheCase, commitA, commitB, commitC, etagOf, xetHash } from "./hub/cache_case.js";
import { holding, prune, remove, twoRevisions, warnings } from "./hub/cache_removal.js";
import { DownloadCase, repoId } from "./hub/download_case.js";
import { tempFolder } from "./reference/temp.js";

const posix = process.platform !== "win32";

describe("removing", () => {
  it("a revision takes what no other revision has", async () => {
    const cache = twoRevisions();
    const { removed, kept, freedBytes, dryRun } = await remove(cache, "org/model@v1");
    const path = join(cache.repo("org/model"), "snapshots", commitA);
    expect(removed).toEqual([{ kind: "revision", name: `model/org/model@${commitA}`, path, bytes: 3 }]);
    expect({ kept, freedBytes, dryRun }).toEqual({ kept: [], freedBytes: 3, dryRun: false });
    expect(cache.all(cache.repo("org/model"))).toEqual(
      [
        join("blobs", etagOf("a.bin", "12345")),
        join("blobs", etagOf("new.json", "1234567")),
        ".no_exist",
        join("refs", "main"),
        join("snapshots", commitB, "a.bin"),
        join("snapshots", commitB, "new.json"),
        join("trees", `${commitB}.json`),
      ].sort(),
    );
    expect(await warnings(cache)).toEqual([]);
  });

  it("the last revision takes the repository's folder", async () => {
    for (const targets of [
      ["org/other"],
      [commitC],
      ["cccccc"],
      ["CCCCCCC"],
      ["org/other@main"],
      ["model/org/other"],
    ]) {
      const cache = twoRevisions();
      cache.write(join(cache.repo("org/other"), "blobs", `${"1".repeat(64)}.incomplete`), "part");
      const { removed, freedBytes } = await remove(cache, ...targets);
      const path = cache.repo("org/other");
      expect(removed).toEqual([{ kind: "repo", name: "model/org/other", path, bytes: 9 }]);
      expect(freedBytes).toBe(9);
      expect(existsSync(path)).toBe(false);
      expect(readdirSync(join(cache.path, ".locks"))).toEqual(["models--org--other"]);
      expect(await warnings(cache)).toEqual([]);
    }
  });

  it("all revisions one by one is removing the repository", async () => {
    const cache = twoRevisions();
    const { removed, freedBytes } = await remove(cache, "org/model@v1", "org/model@main", "hf://org/model");
    expect(removed.map(({ kind }) => kind)).toEqual(["repo"]);
    expect(freedBytes).toBe(15);
  });

  it("finds what is meant, or says what there is and removes nothing", async () => {
    const cache = twoRevisions();
    cache.add("dataset/org/data", commitC, { "d.bin": "12" });
    const before = cache.all();
    const bad: [string[], string, RegExp][] = [
      [["org/none"], "RepoNotFound", /nothing called "org\/none"/],
      [["org/data"], "RepoNotFound", /"dataset\/org\/data"/],
      [["org/model@none"], "RevisionNotFound", /v1/],
      [["aaaaa"], "RepoNotFound", /6 digits/],
      [["dddddd"], "RevisionNotFound", /dddddd/],
      [[commitC], "InvalidArgument", /several.*dataset\/org\/data@.*model\/org\/other@/],
      [["org/other", "org/none"], "RepoNotFound", /none/],
      [["../.."], "RepoNotFound", /nothing/],
      [["org/model@../.."], "InvalidArgument", /revision/],
      [[""], "InvalidArgument", /org\/name/],
      [[], "InvalidArgument", /at least one/],
    ];
    for (const [targets, code, message] of bad) {
      const failure = expect(removeFromCache(targets, { cacheDir: cache.path }), String(targets)).rejects;
      await failure.toMatchObject({ code, message: expect.stringMatching(message) });
    }
    await expect(removeFromCache("org/other", { cacheDir: cache.path, dry: true } as object)).rejects.toMatchObject({
      code: "UnknownOption",
    });
    expect(cache.all()).toEqual(before);
    await remove(cache, "datasets/org/data", "ORG/Other");
    expect((await listCache({ cacheDir: cache.path })).repos.map(({ id }) => id)).toEqual(["org/model"]);
  });

  it("keeps a reference that stands for another commit by now", async () => {
    const cache = twoRevisions();
    cache.write(join(cache.repo("org/model"), "refs", "dev"), commitA);
    await remove(cache, "org/model@v1");
    expect(readdirSync(join(cache.repo("org/model"), "refs"))).toEqual(["main"]);
  });

  it("files that are no links counts them", async () => {
    const cache = new CacheCase();
    cache.add("org/model", commitA, { "a.bin": "12345", "b.json": "12" }, { refs: ["v1"], plain: true });
    cache.add("org/model", commitB, { "a.bin": "12345" }, { plain: true });
    expect((await remove(cache, "org/model@v1")).freedBytes).toBe(7);
    expect((await remove(cache, "org/model")).freedBytes).toBe(5);
  });

  it("a repository that cannot be listed is possible", async () => {
    const cache = twoRevisions();
    cache.write(join(cache.repo("org/other"), "refs", "lost"), commitA);
    expect(await warnings(cache)).toHaveLength(1);
    expect((await remove(cache, "org/other")).freedBytes).toBe(5);
    expect(existsSync(cache.repo("org/other"))).toBe(false);
  });
});

describe("what is shared", () => {
  function sharing(): { cache: CacheCase; entry: string } {
    const cache = new CacheCase();
    const entry = cache.share("org/one", "m.bin", "weights", xetHash);
    cache.share("org/two", "m.bin", "weights", xetHash);
    cache.add("org/one", commitA, { "m.bin": "weights" });
    cache.add("org/two", commitB, { "m.bin": "weights", "x.json": "1" });
    cache.add("org/two", commitC, { "y.json": "22" }, { refs: ["dev"] });
    return { cache, entry };
  }

  it("stays for the other, and goes with the last", async () => {
    const { cache, entry } = sharing();
    expect((await remove(cache, "org/one")).freedBytes).toBe(0);
    expect(readFileSync(entry, "utf8")).toBe("weights");
    expect(readFileSync(`${entry}.refs`, "utf8")).toBe(`models--org--two/blobs/${etagOf("m.bin", "weights")}\n`);
    const { removed, freedBytes } = await remove(cache, "org/two@main");
    expect(removed).toContainEqual({ kind: "shared", name: entry, path: entry, bytes: 7 });
    expect(freedBytes).toBe(8);
    expect(existsSync(entry) || existsSync(`${entry}.refs`)).toBe(false);
    expect(await warnings(cache)).toEqual([]);
  });

  it("goes when all that have it go together", async () => {
    const { cache, entry } = sharing();
    expect((await remove(cache, "org/one", "org/two")).freedBytes).toBe(10);
    expect(existsSync(entry)).toBe(false);
  });

  it("stays when nobody can say who has it", async () => {
    for (const spoil of [
      (refs: string) => unlinkSync(refs),
      (refs: string) => writeFileSync(refs, Buffer.from([0xff, 0xfe, 0x0a])),
      (refs: string) => {
        unlinkSync(refs);
        mkdirSync(refs);
      },
    ]) {
      const { cache, entry } = sharing();
      spoil(`${entry}.refs`);
      expect((await remove(cache, "org/one", "org/two")).freedBytes).toBe(3);
      expect(readFileSync(entry, "utf8")).toBe("weights");
    }
  });

  it.runIf(posix)("is only what lies in the store, whatever links and manifests say", async () => {
    const outside = tempFolder({ [xetHash]: "precious", [`${xetHash}.refs`]: "" });
    const { cache, entry } = sharing();
    const prefix = join(cache.path, "blobs", xetHash.slice(0, 2));
    renameSync(prefix, `${prefix}-moved`);
    symlinkSync(outside, prefix);
    await removeFromCache(["org/one", "org/two"], { cacheDir: cache.path });
    expect(readdirSync(outside).sort()).toEqual([xetHash, `${xetHash}.refs`]);
    expect(readFileSync(entry, "utf8")).toBe("precious");
  });
});

describe("somebody else's work", () => {
  it("a download of ours that goes on is not disturbed", async () => {
    const downloads = await DownloadCase.start();
    onTestFinished(() => downloads.end());
    const files = { "config.json": "{}", "model.bin": { seed: 1, size: 400_000 } };
    const commit = downloads.hub.repo(repoId).commit(files);
    const goOn = downloads.hub.when({ host: "cdn" }, { stallAfter: 100_000 });
    const stop = new AbortController();
    const settings = downloads.settings({ downloadTimeoutMs: 600_000 });
    const downloading = downloads.fetch({ settings, signal: stop.signal });
    const stopped = expect(downloading).rejects.toMatchObject({ code: "Aborted" });
    while ((await downloads.leftovers()).length === 0) await sleep(10);
    const options = { cacheDir: downloads.cacheDir };
    for (const removing of [removeFromCache(repoId, options), removeFromCache(commit, options), pruneCache(options)]) {
      expect(await removing).toMatchObject({ removed: [], freedBytes: 0 });
    }
    expect(await downloads.leftovers()).not.toEqual([]);
    stop.abort();
    await stopped;
    goOn();
    const snapshot = await downloads.fetch();
    expect(readdirSync(snapshot.path).sort()).toEqual(Object.keys(files).sort());
    expect((await removeFromCache(repoId, options)).freedBytes).toBe(400_002);
  });

  it("a repository with a blob that is being downloaded stays whole", async () => {
    const cache = twoRevisions();
    const incomplete = join(cache.repo("org/model"), "blobs", `${"1".repeat(64)}.12345678.incomplete`);
    cache.write(incomplete, "part");
    const before = cache.all();
    await holding(cache.lockOf("org/model", "1".repeat(64)), async () => {
      const { kept, freedBytes } = await remove(cache, "org/model");
      expect(kept).toEqual([
        { name: "model/org/model", path: cache.repo("org/model"), reason: expect.stringMatching(/downloading/) },
      ]);
      expect(freedBytes).toBe(0);
    });
    expect(cache.all()).toEqual(before);
    expect((await remove(cache, "org/model")).freedBytes).toBe(19);
  });

  it("a revision that is being downloaded stays", async () => {
    const cache = twoRevisions();
    cache.tree("org/model", commitA, { "a.bin": "12345", "old.json": "123", "more.bin": "more" });
    const before = cache.all();
    await holding(cache.lockOf("org/model", etagOf("more.bin", "more")), async () => {
      expect((await remove(cache, "org/model@v1")).kept).toHaveLength(1);
    });
    expect(cache.all()).toEqual(before);
  });

  it("a blob that another process has just locked stays", async () => {
    const cache = twoRevisions();
    const blob = cache.blob("org/model", "old.json", "123");
    await holding(cache.lockOf("org/model", etagOf("old.json", "123")), async () => {
      const { kept, freedBytes } = await remove(cache, "org/model@v1");
      expect(kept).toEqual([{ name: expect.any(String), path: blob, reason: expect.stringMatching(/using/) }]);
      expect(freedBytes).toBe(0);
    });
    expect(existsSync(blob)).toBe(true);
    expect((await prune(cache)).removed).toEqual([{ kind: "blob", name: expect.any(String), path: blob, bytes: 3 }]);
  });

  it("a blob that another revision has got since stays", async () => {
    const cache = twoRevisions();
    const blob = cache.blob("org/model", "old.json", "123");
    symlinkSync(
      join("..", "..", "blobs", etagOf("old.json", "123")),
      join(cache.repo("org/model"), "snapshots", commitB, "x"),
    );
    await removeFromCache("org/model@v1", { cacheDir: cache.path });
    expect(existsSync(blob)).toBe(true);
  });
});

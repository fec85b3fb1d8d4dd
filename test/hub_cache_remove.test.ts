// Removing from the cache: exactly what nothing else uses, never what is outside, never what somebody is downloading.

import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  symlinkSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { type FileLock, lock } from "../src/hub/lock.js";
import { pruneCache } from "../src/hub/prune.js";
import { removeFromCache } from "../src/hub/remove.js";
import { listCache } from "../src/hub/scan.js";
import { CacheCase, commitA, commitB, commitC, etagOf } from "./hub/cache_case.js";
import { tempFolder } from "./reference/temp.js";

const xetHash = "7".repeat(64);
const posix = process.platform !== "win32";

/** What a dry run foretells, and then what happens: both must be the same. */
async function remove(cache: CacheCase, ...targets: string[]) {
  const before = cache.all();
  const foretold = await removeFromCache(targets, { cacheDir: cache.path, dryRun: true });
  expect(cache.all()).toEqual(before);
  const done = await removeFromCache(targets, { cacheDir: cache.path });
  expect({ ...done, dryRun: true }).toEqual(foretold);
  return done;
}

async function prune(cache: CacheCase, options: object = {}) {
  const before = cache.all();
  const foretold = await pruneCache({ cacheDir: cache.path, dryRun: true, ...options });
  expect(cache.all()).toEqual(before);
  const done = await pruneCache({ cacheDir: cache.path, ...options });
  expect({ ...done, dryRun: true }).toEqual(foretold);
  return done;
}

async function warnings(cache: CacheCase): Promise<readonly string[]> {
  return (await listCache({ cacheDir: cache.path })).warnings;
}

async function holding<T>(path: string, work: () => Promise<T>): Promise<T> {
  const held: FileLock | undefined = await lock(path);
  try {
    return await work();
  } finally {
    held!.release();
  }
}

function twoRevisions(): CacheCase {
  const cache = new CacheCase();
  cache.add("org/model", commitA, { "a.bin": "12345", "old.json": "123" }, { refs: ["v1", "refs/pr/1"], tree: true });
  cache.add("org/model", commitB, { "a.bin": "12345", "new.json": "1234567" }, { tree: true });
  cache.add("org/other", commitC, { "a.bin": "12345" });
  cache.write(join(cache.repo("org/model"), ".no_exist", commitA, "none.json"), "");
  return cache;
}

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

describe.runIf(posix)("links that lead out of the cache", () => {
  it("a repository's folder: the link goes, what it leads to stays", async () => {
    const cache = twoRevisions();
    const outside = tempFolder();
    renameSync(cache.repo("org/model"), join(outside, "model"));
    symlinkSync(join(outside, "model"), cache.repo("org/model"));
    const { kept } = await remove(cache, "org/model@v1");
    expect(kept[0]!.reason).toMatch(/link/);
    expect(readdirSync(join(outside, "model", "snapshots")).sort()).toEqual([commitA, commitB]);
    expect((await remove(cache, "org/model")).freedBytes).toBe(0);
    expect(existsSync(cache.repo("org/model"))).toBe(false);
    expect(readdirSync(join(outside, "model", "blobs"))).toHaveLength(3);
  });

  it("a snapshot, a room or a file of one: what they lead to stays", async () => {
    for (const linked of ["snapshots", "refs", "blobs", "trees", ".no_exist", join("snapshots", commitA)]) {
      for (const target of ["org/model", "org/model@v1"]) {
        const cache = twoRevisions();
        const outside = tempFolder();
        const path = join(cache.repo("org/model"), linked);
        renameSync(path, join(outside, "moved"));
        symlinkSync(join(outside, "moved"), path);
        const before = cache.all(outside);
        await removeFromCache(target, { cacheDir: cache.path });
        expect(cache.all(outside), `${target} with ${linked}`).toEqual(before);
      }
    }
  });

  it("files of a snapshot: neither they nor what they claim for a blob", async () => {
    const outside = tempFolder({ "precious.txt": "1234567890", "folder/more.txt": "1" });
    for (const target of ["org/model", "org/model@v1"]) {
      const cache = twoRevisions();
      const snapshot = join(cache.repo("org/model"), "snapshots", commitA);
      symlinkSync(join(outside, "precious.txt"), join(snapshot, "absolute.txt"));
      symlinkSync(join(outside, "folder"), join(snapshot, "folder"));
      symlinkSync(join(outside, "precious.txt"), join(cache.repo("org/model"), "blobs", "8".repeat(64)));
      symlinkSync(join("..", "..", "blobs", "8".repeat(64)), join(snapshot, "two-hops.txt"));
      await remove(cache, target);
      await prune(cache);
      expect(readFileSync(join(outside, "precious.txt"), "utf8")).toBe("1234567890");
      expect(readdirSync(join(outside, "folder"))).toEqual(["more.txt"]);
    }
  });

  it("a blob that another revision reaches by an absolute link stays", async () => {
    const cache = twoRevisions();
    const alias = join(tempFolder(), "alias");
    symlinkSync(cache.path, alias);
    const blob = cache.blob("org/model", "old.json", "123");
    symlinkSync(
      join(alias, "models--org--model", "blobs", etagOf("old.json", "123")),
      join(cache.repo("org/model"), "snapshots", commitB, "absolute.json"),
    );
    await remove(cache, "org/model@v1");
    expect(readFileSync(blob, "utf8")).toBe("123");
  });

  it("the cache folder itself may be one", async () => {
    const cache = twoRevisions();
    const alias = join(tempFolder(), "alias");
    symlinkSync(cache.path, alias);
    const { freedBytes } = await removeFromCache("org/model", { cacheDir: alias });
    expect(freedBytes).toBe(15);
    expect(existsSync(cache.repo("org/model"))).toBe(false);
  });

  it("of a leftover or a broken download: the link goes", async () => {
    const cache = twoRevisions();
    const outside = tempFolder({ "keep.txt": "1", "f.incomplete": "12" });
    mkdirSync(join(cache.path, ".locks"), { recursive: true });
    symlinkSync(outside, join(cache.path, ".locks", `.removed-${"0".repeat(16)}`));
    symlinkSync(join(outside, "keep.txt"), join(cache.repo("org/model"), "blobs", `${"1".repeat(64)}.incomplete`));
    mkdirSync(cache.repo("org/linked"));
    symlinkSync(outside, join(cache.repo("org/linked"), "blobs"));
    const { freedBytes, kept } = await pruneCache({ cacheDir: cache.path });
    expect(freedBytes).toBe(0);
    expect(kept).toHaveLength(1);
    expect(readdirSync(outside).sort()).toEqual(["f.incomplete", "keep.txt"]);
    expect(readdirSync(join(cache.path, ".locks")).filter((name) => name.startsWith("."))).toEqual([]);
  });
});

describe("pruning", () => {
  it("takes revisions without a name, broken downloads, blobs and shared blobs of nobody, and leftovers", async () => {
    const cache = twoRevisions();
    const folder = cache.repo("org/model");
    cache.add("org/model", commitC, { "a.bin": "12345", "detached.json": "22" }, { refs: [] });
    cache.add("org/detached", commitC, { "x.bin": "123456" }, { refs: [] });
    cache.share("org/gone", "m.bin", "weights", xetHash);
    unlinkSync(join(cache.repo("org/gone"), "blobs", etagOf("m.bin", "weights")));
    mkdirSync(join(cache.repo("org/gone"), "snapshots"));
    const broken = join(folder, "blobs", `${"1".repeat(64)}.12345678.incomplete`);
    const journal = join(folder, "blobs", `${"1".repeat(64)}.12345678.map.incomplete`);
    const old = join(folder, "blobs", `${"2".repeat(40)}.incomplete`);
    const unused = join(folder, "blobs", "3".repeat(64));
    const fresh = join(folder, `.deadlift-${"0".repeat(16)}.tmp`);
    const stale = join(folder, `.deadlift-${"1".repeat(16)}.tmp`);
    for (const path of [broken, journal, old, unused, fresh, stale]) writeFileSync(path, "1");
    utimesSync(stale, 1_000_000, 1_000_000);
    cache.write(join(cache.path, ".locks", `.removed-${"0".repeat(16)}`, "blobs", "x"), "1234");
    const { removed, kept, freedBytes } = await prune(cache);
    expect(kept).toEqual([]);
    const kinds = removed.map(({ kind, bytes }) => `${kind} ${bytes}`).sort();
    expect(kinds).toEqual(
      [
        "revision 2",
        "repo 6",
        "incomplete 1",
        "incomplete 1",
        "incomplete 1",
        "blob 1",
        "leftover 1",
        "leftover 4",
        "shared 7",
      ].sort(),
    );
    expect(freedBytes).toBe(24);
    for (const path of [broken, journal, old, unused, stale]) expect(existsSync(path), path).toBe(false);
    expect(existsSync(fresh)).toBe(true);
    expect(readdirSync(join(folder, "snapshots")).sort()).toEqual([commitA, commitB]);
    expect(readdirSync(join(folder, "blobs"))).toHaveLength(3);
    expect(await warnings(cache)).toEqual([]);
    expect((await prune(cache)).removed).toEqual([]);
  });

  it("leaves downloads that go on, and those that are not old enough", async () => {
    const cache = twoRevisions();
    const part = join(cache.repo("org/model"), "blobs", `${"1".repeat(64)}.12345678.incomplete`);
    const other = join(cache.repo("org/model"), "blobs", `${"2".repeat(40)}.incomplete`);
    cache.write(part, "part");
    cache.write(other, "part");
    await holding(cache.lockOf("org/model", "1".repeat(64)), async () => {
      const { removed, kept } = await prune(cache);
      expect(removed.map(({ path }) => path)).toEqual([other]);
      expect(kept.map(({ path }) => path)).toEqual([part]);
    });
    expect((await prune(cache, { incompleteOlderThanMs: 3_600_000 })).removed).toEqual([]);
    expect(existsSync(part)).toBe(true);
    utimesSync(part, 1_000_000, 1_000_000);
    expect((await prune(cache, { incompleteOlderThanMs: 3_600_000 })).freedBytes).toBe(4);
  });

  it("does not touch a repository it cannot read, but for broken downloads", async () => {
    const cache = twoRevisions();
    cache.write(join(cache.repo("org/model"), "refs", "lost"), commitC);
    cache.write(join(cache.repo("org/model"), "blobs", "3".repeat(64)), "unused");
    cache.write(join(cache.repo("org/model"), "blobs", `${"4".repeat(64)}.incomplete`), "part");
    expect((await prune(cache)).removed.map(({ kind }) => kind)).toEqual(["incomplete"]);
  });

  it("takes options that make sense only", async () => {
    const cache = twoRevisions();
    for (const value of [-1, Number.NaN, "1"]) {
      const options = { cacheDir: cache.path, incompleteOlderThanMs: value as number };
      await expect(pruneCache(options)).rejects.toMatchObject({ code: "InvalidArgument" });
    }
    await expect(pruneCache({ cacheDir: cache.path, dryRun: 1 as unknown as boolean })).rejects.toMatchObject({
      code: "InvalidArgument",
    });
    expect(lstatSync(cache.repo("org/model")).isDirectory()).toBe(true);
  });

  it("of a cache that is not there does nothing", async () => {
    const result = await pruneCache({ cacheDir: join(tempFolder(), "none") });
    expect(result).toEqual({ removed: [], kept: [], freedBytes: 0, dryRun: false });
  });
});

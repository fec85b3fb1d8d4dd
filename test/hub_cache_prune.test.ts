// Pruning the cache: what nobody asks for goes, what somebody is downloading stays.

import { existsSync, lstatSync, mkdirSync, readdirSync, unlinkSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { pruneCache } from "../src/hub/cache/prune.js";
import { commitA, commitB, commitC, etagOf, xetHash } from "./hub/cache_case.js";
import { holding, prune, twoRevisions, warnings } from "./hub/cache_removal.js";
import { tempFolder } from "./reference/temp.js";

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

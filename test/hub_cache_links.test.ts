// Links in the cache that lead out of it: nothing behind them is ever removed.

import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { pruneCache } from "../src/hub/cache/prune.js";
import { removeFromCache } from "../src/hub/cache/remove.js";
import { commitA, commitB, etagOf } from "./hub/cache_case.js";
import { prune, remove, twoRevisions } from "./hub/cache_removal.js";
import { tempFolder } from "./reference/temp.js";

const posix = process.platform !== "win32";

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

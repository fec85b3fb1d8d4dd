// One cache for Python and us: each lists, finds and removes what we wrote, and both count alike.

import { mkdirSync, unlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { pruneCache } from "../../src/hub/cache/prune.js";
import { removeFromCache } from "../../src/hub/cache/remove.js";
import { CacheCase, commitA, commitB, commitC, etagOf, xetHash } from "../hub/cache_case.js";
import { envOf, expectAlike, files, ourListing, write } from "./cache_listing.js";
import { describePythons } from "./python.js";

describePythons("the cache", (python) => {
  it("that we wrote is without fault for Python, and both count alike", async () => {
    const { path } = new CacheCase();
    await write(path, "org/model", commitA, ["v1", "refs/pr/1"]);
    await write(path, "org/model", commitB, ["main"], { ...files, "config.json": '{"a":1}' });
    await write(path, "org/model", commitC, []);
    await write(path, "gpt2", commitA, ["main"]);
    writeFileSync(join(path, "models--gpt2", "blobs", `${"1".repeat(64)}.0123abcd.incomplete`), "part");
    const { warnings, repos } = await expectAlike(python, path);
    expect(warnings).toEqual([]);
    expect(repos.map(([, id, , , , , , revisions]) => [id, revisions.length])).toEqual([
      ["gpt2", 1],
      ["org/model", 3],
    ]);
    const listed = await python.hf(["cache", "ls", "--revisions", "--format", "json", "--cache-dir", path], envOf());
    expect(listed).toMatchObject({ status: 0 });
    for (const commit of [commitA, commitB, commitC]) expect(listed.stdout).toContain(commit);
  });

  it("with faults is faulty for both in the same places", async () => {
    const cache = new CacheCase();
    await write(cache.path, "org/good", commitA, ["main"]);
    for (const name of ["dangling", "lost-ref", "newline", "file"])
      await write(cache.path, `org/${name}`, commitA, ["main"]);
    unlinkSync(cache.blob("org/dangling", "model.bin", "weights"));
    cache.write(join(cache.repo("org/lost-ref"), "refs", "dev"), commitB);
    cache.write(join(cache.repo("org/newline"), "refs", "main"), `${commitA}\n`);
    cache.write(join(cache.repo("org/file"), "snapshots", "file"), "");
    cache.write(join(cache.path, "something"), "");
    mkdirSync(join(cache.path, "blobs"));
    const { warnings, repos } = await expectAlike(python, cache.path);
    expect(warnings).toHaveLength(6);
    expect(repos).toHaveLength(1);
  });

  it("is found offline by Python, and what it has not is known to be missing", async () => {
    const { path } = new CacheCase();
    await write(path, "org/model", commitA, ["main"]);
    const script = `
import json, sys, huggingface_hub as h
folder = h.snapshot_download("org/model", cache_dir=sys.argv[1])
none = h.try_to_load_from_cache("org/model", "adapter_config.json", cache_dir=sys.argv[1])
print(json.dumps([folder, none is h._CACHED_NO_EXIST]))`;
    const offline = envOf({ HF_HUB_OFFLINE: "1" });
    expect(await python.json(script, offline, [path])).toEqual([
      join(path, "models--org--model", "snapshots", commitA),
      true,
    ]);
    unlinkSync(join(path, "models--org--model", "snapshots", commitA, "config.json"));
    expect((await python.run(script, offline, [path])).stderr).toContain("IncompleteSnapshotError");
  });

  it("frees the same bytes, whoever removes", async () => {
    const script = `
import json, sys
from huggingface_hub import scan_cache_dir
print(json.dumps(scan_cache_dir(sys.argv[1]).delete_revisions(*sys.argv[2:]).expected_freed_size))`;
    const cases: [string[], string[]][] = [
      [["org/model@v1"], [commitA]],
      [
        ["org/model@v1", commitB],
        [commitA, commitB],
      ],
      [["org/model"], [commitA, commitB, commitC]],
    ];
    for (const [targets, commits] of cases) {
      const { path } = new CacheCase();
      await write(path, "org/model", commitA, ["v1"], { ...files, "old.json": "old" });
      await write(path, "org/model", commitB, ["main"], { ...files, "new.bin": "newer" });
      await write(path, "org/model", commitC, [], { ...files, "sub/x.json": "detached" });
      await write(path, "gpt2", "d".repeat(40), ["main"]);
      const expected = await python.json<number>(script, envOf(), [path, ...commits]);
      expect((await removeFromCache(targets, { cacheDir: path })).freedBytes).toBe(expected);
      expect((await expectAlike(python, path)).warnings).toEqual([]);
    }
  });

  it("is clean for the other after either has pruned", async () => {
    const dirty = async () => {
      const cache = new CacheCase();
      await write(cache.path, "org/model", commitA, ["main"]);
      await write(cache.path, "org/model", commitB, [], { ...files, "b.json": "detached" });
      cache.write(join(cache.repo("org/model"), "blobs", `${"1".repeat(64)}.incomplete`), "part");
      cache.write(join(cache.repo("org/model"), "blobs", `${"2".repeat(64)}.01234567.map.incomplete`), "part");
      cache.share("org/gone", "m.bin", "weights", xetHash);
      unlinkSync(join(cache.repo("org/gone"), "blobs", etagOf("m.bin", "weights")));
      mkdirSync(join(cache.repo("org/gone"), "snapshots"));
      return cache;
    };
    const ours = await dirty();
    const removal = await pruneCache({ cacheDir: ours.path });
    expect(removal.freedBytes).toBe(8 + 4 + 4 + 7);
    const theirs = await python.hf(["cache", "prune", "--yes", "--cache-dir", ours.path], envOf());
    expect(theirs).toMatchObject({ status: 0, stdout: expect.stringContaining("Nothing to prune") });
    const other = await dirty();
    expect(await python.hf(["cache", "prune", "--yes", "--cache-dir", other.path], envOf())).toMatchObject({
      status: 0,
    });
    expect((await pruneCache({ cacheDir: other.path })).removed).toEqual([]);
    expect(await ourListing(other.path)).toMatchObject({ size: (await ourListing(ours.path)).size, incomplete: [] });
  });
});

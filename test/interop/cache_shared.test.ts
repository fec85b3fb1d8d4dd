// The shared store of Python: it serves us, is counted once by both, and is freed with its last user, whoever removes.

import { once } from "node:events";
import { mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import { RepoFolder } from "../../src/hub/cache/layout.js";
import { tryLock } from "../../src/hub/cache/lock.js";
import { removeFromCache } from "../../src/hub/cache/remove.js";
import { listCache } from "../../src/hub/cache/scan.js";
import { reuseSharedBlob } from "../../src/hub/cache/shared_blobs.js";
import { CacheCase, commitA, commitB, sha256, xetHash } from "../hub/cache_case.js";
import { envOf, expectAlike, write } from "./cache_listing.js";
import { describePythons } from "./python.js";

describePythons("the shared store", (python) => {
  const publish = `
import sys
from huggingface_hub.utils import _shared_blobs as s
for blob in sys.argv[3:]:
    assert s.publish_blob_to_shared_store(blob_path=blob, xet_hash=sys.argv[2], cache_dir=sys.argv[1], expected_size=7)`;

  /** Python's store with one content of org/one, which org/two reuses through us. */
  async function shared(): Promise<{ cache: CacheCase; reused: boolean }> {
    const cache = new CacheCase();
    await write(cache.path, "org/one", commitA, ["main"]);
    const blob = cache.blob("org/one", "model.bin", "weights");
    expect(await python.run(publish, envOf(), [cache.path, xetHash, blob])).toMatchObject({ status: 0, stderr: "" });
    const settings = { cacheDir: cache.path, symlinks: true, sharedBlobs: true };
    const folder = new RepoFolder(settings, "org/two");
    mkdirSync(folder.blobs, { recursive: true });
    const reused = await reuseSharedBlob({ settings, folder, etag: sha256("weights"), xetHash, size: 7 });
    await write(cache.path, "org/two", commitB, ["main"]);
    return { cache, reused };
  }

  it("of Python serves us, and both count it once", async () => {
    const { cache, reused } = await shared();
    expect(reused).toBe(true);
    const entry = join(cache.path, "blobs", "77", xetHash);
    const names = ["one", "two"].map((name) => `models--org--${name}/blobs/${sha256("weights")}\n`);
    expect(readFileSync(`${entry}.refs`, "utf8")).toBe(names.join(""));
    const { warnings, size, repos } = await expectAlike(python, cache.path);
    expect(warnings).toEqual([]);
    expect(size).toBe(7 + 2 * (repos[0]![3] - 7));
    const { sharedStore } = await listCache({ cacheDir: cache.path });
    expect(sharedStore).toEqual({ fileCount: 1, size: 7 });
  });

  it("keeps what the other still uses, and frees it with the last, whoever removes", async () => {
    const remove = `
import json, sys
from huggingface_hub import scan_cache_dir
plan = scan_cache_dir(sys.argv[1]).delete_revisions(sys.argv[2])
plan.execute()
print(json.dumps(plan.expected_freed_size))`;
    const one = await shared();
    const first = (await removeFromCache("org/one", { cacheDir: one.cache.path })).freedBytes;
    expect(await python.json(remove, envOf(), [one.cache.path, commitB])).toBe(first + 7);
    expect(readdirSync(join(one.cache.path, "blobs", "77")).filter((name) => !name.endsWith(".lock"))).toEqual([]);
    const two = await shared();
    expect(await python.json(remove, envOf(), [two.cache.path, commitA])).toBe(first);
    const { freedBytes } = await removeFromCache("org/two", { cacheDir: two.cache.path });
    expect(freedBytes).toBe(first + 7);
    expect(readdirSync(join(two.cache.path, "blobs", "77")).filter((name) => !name.endsWith(".lock"))).toEqual([]);
  });

  it("is not touched while Python holds its lock", async () => {
    const cache = new CacheCase();
    await write(cache.path, "org/one", commitA, ["main"]);
    const blob = cache.blob("org/one", "model.bin", "weights");
    expect(await python.run(publish, envOf(), [cache.path, xetHash, blob])).toMatchObject({ status: 0 });
    const script = `
import sys, time
from pathlib import Path
from huggingface_hub.utils import _shared_blobs as s
with s._shared_blob_lock(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(1000)`;
    const { child } = python.start(script, envOf(), [join(cache.path, "blobs", "77", xetHash)]);
    onTestFinished(() => void child.kill("SIGKILL"));
    await once(child.stdout!, "data");
    const settings = { cacheDir: cache.path, symlinks: true, sharedBlobs: true };
    const folder = new RepoFolder(settings, "org/two");
    mkdirSync(folder.blobs, { recursive: true });
    const stop = new AbortController();
    const reuse = { settings, folder, etag: sha256("weights"), xetHash, size: 7 };
    const waiting = reuseSharedBlob({ ...reuse, signal: stop.signal });
    expect(await tryLock(join(cache.path, "blobs", "77", `${xetHash}.lock`))).toBe("busy");
    stop.abort();
    await expect(waiting).rejects.toMatchObject({ code: "Aborted" });
    const again = reuseSharedBlob(reuse);
    child.kill("SIGKILL");
    expect(await again).toBe(true);
  });
});

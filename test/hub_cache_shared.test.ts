// Reuse of what Python's shared store has: as Python does it, and never by a link that leads elsewhere.

import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { RepoFolder } from "../src/hub/cache/layout.js";
import { lock } from "../src/hub/cache/lock.js";
import { reuseSharedBlob } from "../src/hub/cache/shared_blobs.js";
import { CacheCase, sha256 } from "./hub/cache_case.js";
import { tempFolder } from "./reference/temp.js";

const posix = process.platform !== "win32";
const etag = sha256("weights");
const xetHash = `${"0".repeat(63)}1`;

describe.runIf(posix)("shared blobs", () => {
  async function reuse(cache: CacheCase, more: object = {}): Promise<boolean> {
    const settings = { cacheDir: cache.path, symlinks: true, sharedBlobs: true };
    const folder = new RepoFolder(settings, "org/two");
    mkdirSync(folder.blobs, { recursive: true });
    return reuseSharedBlob({ settings, folder, etag, xetHash, size: 7, ...more });
  }

  function shared(): { cache: CacheCase; entry: string } {
    const cache = new CacheCase();
    return { cache, entry: cache.share("org/one", "model.bin", "weights", xetHash) };
  }

  it("are linked to, and named in the manifest", async () => {
    const { cache, entry } = shared();
    expect(await reuse(cache)).toBe(true);
    const blob = join(cache.repo("org/two"), "blobs", etag);
    expect(readlinkSync(blob)).toBe(`../../blobs/00/${xetHash}`);
    expect(readFileSync(blob, "utf8")).toBe("weights");
    expect(readFileSync(`${entry}.refs`, "utf8")).toBe(
      `models--org--one/blobs/${etag}\nmodels--org--two/blobs/${etag}\n`,
    );
    expect(statSync(`${entry}.refs`).mode & 0o777).toBe(0o666);
    expect(statSync(`${entry}.lock`).mode & 0o777).toBe(0o666);
    expect(readdirSync(join(cache.repo("org/two"), "blobs"))).toEqual([etag]);
  });

  it("are left alone when they are not wanted or not right", async () => {
    const { cache, entry } = shared();
    const settings = { cacheDir: cache.path, symlinks: true, sharedBlobs: true };
    expect(await reuse(cache, { settings: { ...settings, sharedBlobs: false } })).toBe(false);
    expect(await reuse(cache, { settings: { ...settings, symlinks: false } })).toBe(false);
    expect(await reuse(cache, { xetHash: undefined })).toBe(false);
    expect(await reuse(cache, { xetHash: "../../x" })).toBe(false);
    expect(await reuse(cache, { xetHash: "1".repeat(64) })).toBe(false);
    expect(await reuse(cache, { size: 8 })).toBe(false);
    writeFileSync(join(cache.path, "blobs", ".huggingface-shared-blobs"), "2\n");
    expect(await reuse(cache)).toBe(false);
    unlinkSync(join(cache.path, "blobs", ".huggingface-shared-blobs"));
    expect(await reuse(cache)).toBe(false);
    expect(readdirSync(join(cache.repo("org/two"), "blobs"))).toEqual([]);
    expect(readFileSync(`${entry}.refs`, "utf8")).toBe(`models--org--one/blobs/${etag}\n`);
  });

  it("are not linked when the entry, its manifest or its lock is a link", async () => {
    const outside = tempFolder({ file: "weights" });
    for (const end of ["", ".refs", ".lock"]) {
      const { cache, entry } = shared();
      if (existsSync(entry + end)) unlinkSync(entry + end);
      symlinkSync(join(outside, "file"), entry + end);
      expect(await reuse(cache), end).toBe(false);
      expect(readdirSync(join(cache.repo("org/two"), "blobs"))).toEqual([]);
    }
    expect(readFileSync(join(outside, "file"), "utf8")).toBe("weights");
  });

  it("are not linked from a repository's folder that is elsewhere, since the link would lead nowhere", async () => {
    const { cache, entry } = shared();
    const elsewhere = tempFolder();
    symlinkSync(elsewhere, cache.repo("org/two"));
    expect(await reuse(cache)).toBe(false);
    expect(readdirSync(join(elsewhere, "blobs"))).toEqual([]);
    expect(readFileSync(`${entry}.refs`, "utf8")).not.toContain("two");
  });

  it("wait for their lock, until the caller is tired of it", async () => {
    const { cache, entry } = shared();
    const held = await lock(`${entry}.lock`);
    const stop = new AbortController();
    const waiting = reuse(cache, { signal: stop.signal });
    stop.abort();
    await expect(waiting).rejects.toMatchObject({ code: "Aborted" });
    const again = reuse(cache);
    held!.release();
    expect(await again).toBe(true);
  });
});

// Pointers of snapshots to blobs: right ones stay, wrong ones are replaced, and none leaves its snapshot; and reading through them.

import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { cachedBlob, cachedFile } from "../src/hub/cache/cached.js";
import { RepoFolder } from "../src/hub/cache/layout.js";
import { linkSnapshot, type Pointer } from "../src/hub/cache/pointers.js";
import { writeRef } from "../src/hub/cache/refs.js";
import { CacheCase, commitA, commitB, sha256 } from "./hub/cache_case.js";
import { tempFolder } from "./reference/temp.js";

const posix = process.platform !== "win32";
const etag = sha256("weights");
const xetHash = `${"0".repeat(63)}1`;

function newFolder(repo = "org/name"): RepoFolder {
  return new RepoFolder({ cacheDir: tempFolder() }, repo);
}

function withBlob(folder: RepoFolder, data = "weights"): string {
  mkdirSync(folder.blobs, { recursive: true });
  writeFileSync(folder.blob(sha256(data)), data);
  return sha256(data);
}

describe.runIf(posix)("pointers", () => {
  function pointer(folder: RepoFolder, more: Partial<Pointer> = {}): Pointer {
    const settings = { cacheDir: join(folder.path, ".."), symlinks: true };
    return { folder, commit: commitA, file: "sub/dir/model.bin", etag, newBlob: true, settings, ...more };
  }

  it("are relative links that resolve to their blob", async () => {
    const folder = newFolder();
    withBlob(folder);
    await linkSnapshot(pointer(folder));
    await linkSnapshot(pointer(folder, { file: "model.bin", newBlob: false }));
    expect(readlinkSync(folder.snapshot(commitA, "sub/dir/model.bin"))).toBe(`../../../../blobs/${etag}`);
    expect(readlinkSync(folder.snapshot(commitA, "model.bin"))).toBe(`../../blobs/${etag}`);
    expect(readFileSync(folder.snapshot(commitA, "sub/dir/model.bin"), "utf8")).toBe("weights");
    expect(readdirSync(folder.path).sort()).toEqual(["blobs", "snapshots"]);
  });

  it("stay when they are right, and are replaced when they are not", async () => {
    const folder = newFolder();
    withBlob(folder);
    const other = withBlob(folder, "other");
    const path = folder.snapshot(commitA, "sub/dir/model.bin");
    await linkSnapshot(pointer(folder));
    const { ino } = lstatSync(path);
    await linkSnapshot(pointer(folder));
    expect(lstatSync(path).ino).toBe(ino);
    await linkSnapshot(pointer(folder, { etag: other }));
    expect(readFileSync(path, "utf8")).toBe("other");
    unlinkSync(path);
    symlinkSync("nowhere", path);
    await linkSnapshot(pointer(folder));
    expect(readFileSync(path, "utf8")).toBe("weights");
    unlinkSync(path);
    symlinkSync(folder.blob(etag), path); // absolute, but right
    await linkSnapshot(pointer(folder));
    expect(readlinkSync(path)).toBe(folder.blob(etag));
    expect(readdirSync(folder.path).sort()).toEqual(["blobs", "snapshots"]);
  });

  it("made by several at one time are right", async () => {
    const folder = newFolder();
    withBlob(folder);
    await Promise.all(Array.from({ length: 20 }, () => linkSnapshot(pointer(folder, { newBlob: false }))));
    expect(readFileSync(folder.snapshot(commitA, "sub/dir/model.bin"), "utf8")).toBe("weights");
    expect(readdirSync(folder.path).sort()).toEqual(["blobs", "snapshots"]);
  });

  it("keep a file from where there were no links, unless the blob is new", async () => {
    const folder = newFolder();
    withBlob(folder);
    const path = folder.snapshot(commitA, "model.bin");
    mkdirSync(folder.snapshot(commitA), { recursive: true });
    writeFileSync(path, "WEIGHTS");
    await linkSnapshot(pointer(folder, { file: "model.bin", newBlob: false }));
    expect(readFileSync(path, "utf8")).toBe("WEIGHTS");
    await linkSnapshot(pointer(folder, { file: "model.bin" }));
    expect(readFileSync(path, "utf8")).toBe("weights");
    expect(lstatSync(path).isSymbolicLink()).toBe(true);
  });

  it("are never made outside of their snapshot", async () => {
    const outside = tempFolder();
    for (const linked of [["snapshots"], ["snapshots", commitA], ["snapshots", commitA, "sub"]]) {
      const folder = newFolder();
      withBlob(folder);
      mkdirSync(join(folder.path, ...linked.slice(0, -1)), { recursive: true });
      symlinkSync(outside, join(folder.path, ...linked));
      await expect(linkSnapshot(pointer(folder)), linked.join("/")).rejects.toMatchObject({ code: "UnsafeFileName" });
      await expect(writeRef(folder, "main", commitA).then(() => linkSnapshot(pointer(folder)))).rejects.toMatchObject({
        code: "UnsafeFileName",
      });
    }
    expect(readdirSync(outside)).toEqual([]);
  });

  it("are no links to nothing", async () => {
    const folder = newFolder();
    await expect(linkSnapshot(pointer(folder))).rejects.toThrow(/ENOENT/);
    expect(existsSync(folder.snapshot(commitA, "sub/dir/model.bin"))).toBe(false);
  });

  it("where links are not wanted, new blobs are moved and old ones copied", async () => {
    const folder = newFolder();
    const settings = { cacheDir: join(folder.path, ".."), symlinks: false };
    withBlob(folder);
    await linkSnapshot(pointer(folder, { settings, newBlob: false }));
    expect(existsSync(folder.blob(etag))).toBe(true);
    await linkSnapshot(pointer(folder, { settings, commit: commitB }));
    expect(existsSync(folder.blob(etag))).toBe(false);
    for (const commit of [commitA, commitB]) {
      const path = folder.snapshot(commit, "sub/dir/model.bin");
      expect(lstatSync(path).isFile()).toBe(true);
      expect(readFileSync(path, "utf8")).toBe("weights");
    }
    expect(readdirSync(folder.blobs)).toEqual([]);
  });

  it("where links are not wanted, what is shared is copied", async () => {
    const cache = new CacheCase();
    const entry = cache.share("org/name", "model.bin", "weights", xetHash);
    const folder = new RepoFolder({ cacheDir: cache.path }, "org/name");
    const settings = { cacheDir: cache.path, symlinks: false };
    await linkSnapshot(pointer(folder, { settings, file: "model.bin" }));
    expect(readFileSync(folder.snapshot(commitA, "model.bin"), "utf8")).toBe("weights");
    expect(lstatSync(folder.snapshot(commitA, "model.bin")).isFile()).toBe(true);
    expect(readFileSync(entry, "utf8")).toBe("weights");
    expect(lstatSync(folder.blob(etag)).isSymbolicLink()).toBe(true);
  });
});

describe.runIf(posix)("reading", () => {
  it("gives real paths through all links, and nothing for links to nothing", async () => {
    const cache = new CacheCase();
    const entry = cache.share("org/name", "model.bin", "weights", xetHash);
    cache.add("org/name", commitA, { "model.bin": "weights", "config.json": "{}" });
    const folder = new RepoFolder({ cacheDir: cache.path }, "org/name");
    expect(await cachedFile(folder, commitA, "model.bin")).toEqual({ path: entry, size: 7 });
    expect(await cachedBlob(folder, etag)).toEqual({ path: entry, size: 7 });
    expect(await cachedFile(folder, commitA, "config.json")).toMatchObject({ size: 2 });
    expect(await cachedFile(folder, commitA, "other")).toBeUndefined();
    renameSync(entry, `${entry}.gone`);
    expect(await cachedFile(folder, commitA, "model.bin")).toBeUndefined();
    expect(await cachedBlob(folder, etag)).toBeUndefined();
    expect(await cachedFile(folder, commitA, "config.json")).toBeDefined();
  });
});

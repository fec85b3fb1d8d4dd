import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { expect } from "vitest";
import type { TreeFile } from "../../src/hub/api.js";
import { RepoFolder } from "../../src/hub/cache/layout.js";
import { lock } from "../../src/hub/cache/lock.js";
import { markMissing } from "../../src/hub/cache/no_exist.js";
import { linkSnapshot, prepareCache } from "../../src/hub/cache/pointers.js";
import { writeRef } from "../../src/hub/cache/refs.js";
import { listCache } from "../../src/hub/cache/scan.js";
import { writeTree } from "../../src/hub/cache/trees.js";
import { etagOf, gitSha1, sha256 } from "../hub/cache_case.js";
import { tempFolder } from "../reference/temp.js";
import type { Python, PythonEnv } from "./python.js";

/** Names and contents of a small model. */
export const files: Readonly<Record<string, string>> = {
  "config.json": "{}",
  "model.bin": "weights",
  "copy.bin": "weights",
  "sub/dir/späße 😀.json": "[1]",
  "empty.txt": "",
};

export function treeOf(contents: Readonly<Record<string, string>>): TreeFile[] {
  return Object.entries(contents).map(([path, data]) => {
    const size = Buffer.byteLength(data);
    return {
      path,
      size,
      blobId: gitSha1(data),
      ...(path.endsWith(".bin") && { lfsSha256: sha256(data), lfsSize: size }),
    };
  });
}

/** Writes a revision as a download of ours does. */
export async function write(
  cacheDir: string,
  repo: string,
  commit: string,
  refs: string[],
  contents = files,
): Promise<void> {
  const settings = { cacheDir, symlinks: true };
  const folder = new RepoFolder(settings, repo);
  await prepareCache(settings);
  await writeTree(folder, commit, treeOf(contents));
  for (const ref of refs) await writeRef(folder, ref, commit);
  mkdirSync(folder.blobs, { recursive: true });
  for (const [file, data] of Object.entries(contents)) {
    const etag = etagOf(file, data);
    const held = await lock(folder.lock(etag));
    const newBlob = !existsSync(folder.blob(etag));
    if (newBlob) writeFileSync(folder.blob(etag), data);
    await linkSnapshot({ folder, commit, file, etag, newBlob, settings });
    held!.release();
  }
  await markMissing(folder, commit, "adapter_config.json");
}

export interface Listed {
  size: number;
  warnings: string[];
  incomplete: [string, number][];
  repos: [string, string, string, number, number, number, number, Revision[]][];
}
type Revision = [string, string[], number, number, [string, string, number][]];

const scanScript = `
import json, sys
from huggingface_hub import scan_cache_dir
info = scan_cache_dir(sys.argv[1])
print(json.dumps({
  "size": info.size_on_disk,
  "warnings": [str(one) for one in info.warnings],
  "incomplete": sorted([str(one.file_path), one.size_on_disk] for one in info.incomplete_files),
  "repos": sorted([r.repo_type, r.repo_id, str(r.repo_path), r.size_on_disk, r.nb_files, r.last_accessed, r.last_modified, sorted([
    v.commit_hash, sorted(v.refs), v.size_on_disk, v.last_modified, sorted(
      [f.file_path.relative_to(v.snapshot_path).as_posix(), str(f.blob_path), f.size_on_disk] for f in v.files)
  ] for v in r.revisions)] for r in info.repos),
}))`;

/** Our listing in the words of Python's. */
export async function ourListing(cacheDir: string): Promise<Listed> {
  const { sizeOnDisk, incomplete, repos, warnings } = await listCache({ cacheDir });
  const byBytes = (a: string, b: string) => Buffer.compare(Buffer.from(a), Buffer.from(b));
  return {
    size: sizeOnDisk,
    warnings: [...warnings],
    incomplete: incomplete.map(({ path, size }) => [path, size]),
    repos: repos.map((repo) => [
      repo.type,
      repo.id,
      repo.path,
      repo.sizeOnDisk,
      repo.fileCount,
      repo.lastAccessed,
      repo.lastModified,
      repo.revisions.map((one) => [
        one.commit,
        [...one.refs],
        one.sizeOnDisk,
        one.lastModified,
        [...one.files].sort((a, b) => byBytes(a.path, b.path)).map(({ path, blob, size }) => [path, blob, size]),
      ]),
    ]),
  };
}

/** Milliseconds from Python's seconds, which a double holds to a microsecond. */
export function close(seconds: number): number {
  return expect.closeTo(seconds * 1000, 1) as number;
}

/** Expects that both count alike, but for the words of warnings; gives Python's listing. */
export async function expectAlike(python: Python, cacheDir: string): Promise<Listed> {
  const theirs = await python.json<Listed>(scanScript, envOf(), [cacheDir]);
  const ours = await ourListing(cacheDir);
  expect({ ...ours, warnings: ours.warnings.length }).toEqual({
    ...theirs,
    warnings: theirs.warnings.length,
    repos: theirs.repos.map(([type, id, path, size, count, accessed, modified, revisions]) => [
      ...[type, id, path, size, count, close(accessed), close(modified)],
      revisions.map(([commit, refs, bytes, time, all]) => [commit, refs, bytes, close(time), all]),
    ]),
  });
  return theirs;
}

export function envOf(more: Record<string, string> = {}): PythonEnv {
  return { HF_HOME: tempFolder(), ...more };
}

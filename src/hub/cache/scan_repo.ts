// What one repository has in the cache, counted as Python's scan_cache_dir counts it.

import type { Dirent, Stats } from "node:fs";
import { readdir, readlink, stat } from "node:fs/promises";
import { basename, dirname, join, relative, resolve, sep } from "node:path";
import { errnoOf } from "./disk_error.js";
import { commitPattern, type RepoType, repoTypes } from "./layout.js";
import { mapLimited } from "./limited.js";
import { readStart } from "./refs.js";
import { readTreeAt } from "./trees.js";

export interface CachedFile {
  /** Path in the repository. */
  readonly path: string;
  readonly size: number;
  /** What the snapshot's link points to: the repository's blob, or the file itself where there are no links. */
  readonly blob: string;
}

export interface CachedRevision {
  readonly commit: string;
  /** Its snapshot folder. */
  readonly path: string;
  /** Branches and tags that stand for it, sorted; none: detached. */
  readonly refs: readonly string[];
  readonly files: readonly CachedFile[];
  /** Bytes, what two files share counted once. */
  readonly sizeOnDisk: number;
  /** Milliseconds since 1970. */
  readonly lastModified: number;
  /** Whether every file of the commit is here; undefined: the cache does not know which it has. */
  readonly complete: boolean | undefined;
}

export interface CachedRepo {
  /** "org/name" */
  readonly id: string;
  readonly type: RepoType;
  readonly path: string;
  readonly revisions: readonly CachedRevision[];
  /** Bytes, what revisions share counted once; what repositories share is counted for each. */
  readonly sizeOnDisk: number;
  readonly fileCount: number;
  /** Milliseconds since 1970. */
  readonly lastAccessed: number;
  readonly lastModified: number;
}

/** Says why a repository cannot be counted. */
export class CorruptRepo extends Error {}

/** What systems leave in folders that people have looked at. */
export const systemFiles: ReadonlySet<string> = new Set([".DS_Store", "Thumbs.db", "desktop.ini"]);

const filesAtOnce = 8;
type BlobStats = Map<string, Stats>;

/** Throws CorruptRepo. */
export async function scanRepo(path: string): Promise<CachedRepo> {
  const found = await existing(path);
  if (!found?.isDirectory()) throw new CorruptRepo(`${path} is not a folder, expected a repository`);
  const { id, type } = readRepoName(path);
  const snapshots = join(path, "snapshots");
  if (!(await existing(snapshots))?.isDirectory()) throw new CorruptRepo(`${path} has no folder snapshots`);
  const refs = await scanRefs(join(path, "refs"));
  const blobs: BlobStats = new Map();
  const revisions: CachedRevision[] = [];
  for (const commit of (await readdir(snapshots)).sort()) {
    if (systemFiles.has(commit)) continue;
    revisions.push(await scanRevision(path, commit, refs.get(commit) ?? [], blobs));
    refs.delete(commit);
  }
  if (refs.size > 0) {
    const [lost] = [...refs.values()];
    throw new CorruptRepo(`${path}: the snapshot that "${lost![0]}" stands for is missing`);
  }
  const all = [...blobs.values()];
  const times = all.length > 0 ? all : [found];
  return {
    id,
    type,
    path,
    revisions,
    sizeOnDisk: sum(all.map(({ size }) => size)),
    fileCount: all.length,
    lastAccessed: latest(times.map(({ atimeMs }) => atimeMs)),
    lastModified: latest(times.map(({ mtimeMs }) => mtimeMs)),
  };
}

/** The repository whose folder is called so. Throws CorruptRepo. */
export function readRepoName(path: string): { id: string; type: RepoType } {
  const name = basename(path);
  const cut = name.indexOf("--");
  if (cut === -1) throw new CorruptRepo(`${path} is no folder of a repository: expected a name as "models--org--name"`);
  const type = repoTypes.find((one) => `${one}s` === name.slice(0, cut));
  if (!type)
    throw new CorruptRepo(`${path} is no folder of a repository: expected models, datasets, spaces or kernels`);
  return { id: name.slice(cut + 2).replaceAll("--", "/"), type };
}

/** Commit to the refs that stand for it. */
async function scanRefs(folder: string): Promise<Map<string, string[]>> {
  const refs = new Map<string, string[]>();
  const found = await existing(folder);
  if (!found) return refs;
  if (!found.isDirectory()) throw new CorruptRepo(`${folder} is not a folder`);
  for (const path of await filesIn(folder)) {
    if (systemFiles.has(basename(path)) || (await existing(path))?.isDirectory()) continue;
    const commit = await readStart(path);
    if (commit === undefined) throw new CorruptRepo(`${path} cannot be read`);
    const names = refs.get(commit) ?? [];
    names.push(relative(folder, path).split(sep).join("/"));
    refs.set(commit, names.sort());
  }
  return refs;
}

async function scanRevision(
  repo: string,
  commit: string,
  refs: readonly string[],
  blobs: BlobStats,
): Promise<CachedRevision> {
  const path = join(repo, "snapshots", commit);
  const found = await existing(path);
  if (!found?.isDirectory()) throw new CorruptRepo(`${path} is not a folder, expected a snapshot`);
  const scanned = await mapLimited(await filesIn(path), filesAtOnce, (file) => scanFile(path, file, blobs));
  const files = scanned.filter((file) => file !== undefined);
  const unique = [...new Set(files.map(({ blob }) => blob))].map((blob) => blobs.get(blob)!);
  return {
    commit,
    path,
    refs,
    files: files.sort((a, b) => (a.path < b.path ? -1 : 1)),
    sizeOnDisk: sum(unique.map(({ size }) => size)),
    lastModified: unique.length > 0 ? latest(unique.map(({ mtimeMs }) => mtimeMs)) : found.mtimeMs,
    complete: await isComplete(repo, commit, files),
  };
}

/** undefined: a link to a folder, or gone since. Throws CorruptRepo for a link to nothing. */
async function scanFile(snapshot: string, path: string, blobs: BlobStats): Promise<CachedFile | undefined> {
  const target = await readlink(path).catch(() => undefined);
  const blob = target === undefined ? path : resolve(dirname(path), target);
  const found = blobs.get(blob) ?? (await existing(blob));
  if (!found) {
    if (target === undefined) return undefined;
    throw new CorruptRepo(`${path} links to ${blob}, which is missing`);
  }
  if (found.isDirectory()) return undefined;
  blobs.set(blob, found);
  return { path: relative(snapshot, path).split(sep).join("/"), size: found.size, blob };
}

async function isComplete(repo: string, commit: string, files: readonly CachedFile[]): Promise<boolean | undefined> {
  if (!commitPattern.test(commit)) return undefined;
  const tree = await readTreeAt(join(repo, "trees", `${commit}.json`));
  const sizes = new Map(files.map(({ path, size }) => [path, size]));
  return tree?.every(({ path, size, lfsSize }) => sizes.get(path) === (lfsSize ?? size));
}

/** All files and links below `folder`; links to folders are not followed. `entries` says what a folder has. */
export async function filesIn(folder: string, entries = entriesOf): Promise<string[]> {
  const files: string[] = [];
  const folders = [folder];
  for (let next = folders.pop(); next !== undefined; next = folders.pop()) {
    for (const entry of await entries(next)) {
      (entry.isDirectory() ? folders : files).push(join(next, entry.name));
    }
  }
  return files;
}

/** Empty for a folder that is gone since, or may not be read. */
export async function entriesOf(folder: string): Promise<Dirent[]> {
  try {
    return await readdir(folder, { withFileTypes: true });
  } catch (error) {
    if (["ENOENT", "EACCES", "EPERM", "ENOTDIR"].includes(errnoOf(error) ?? "")) return [];
    throw error;
  }
}

/** What is at the end of `path`'s links; undefined: nothing that can be reached. */
async function existing(path: string): Promise<Stats | undefined> {
  try {
    return await stat(path);
  } catch (error) {
    if (errnoOf(error) !== undefined) return undefined;
    throw error;
  }
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, one) => total + one, 0);
}

function latest(times: readonly number[]): number {
  return times.reduce((last, one) => Math.max(last, one));
}

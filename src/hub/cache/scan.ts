// What the cache has: its repositories and their revisions, what downloads left behind, and what repositories share.

import { readdir, realpath, stat } from "node:fs/promises";
import { join } from "node:path";
import { DeadliftError, expected } from "../../error.js";
import { type CacheOptions, cacheDirOf, checkCacheOptions } from "./cache_options.js";
import { errnoOf } from "./disk_error.js";
import { mapLimited } from "./limited.js";
import { type CachedRepo, CorruptRepo, entriesOf, scanRepo, systemFiles } from "./scan_repo.js";
import { hasStore, isPlainFile, sharedEntry, storeName } from "./shared_blobs.js";

export interface CacheListing {
  /** The cache folder, all links resolved. */
  readonly path: string;
  /** By type and id. */
  readonly repos: readonly CachedRepo[];
  /** Bytes; what repositories share is counted once. */
  readonly sizeOnDisk: number;
  /** Downloads that were broken off, or are under way. */
  readonly incomplete: readonly { readonly path: string; readonly size: number }[];
  /** What repositories share; undefined: this cache shares nothing. */
  readonly sharedStore: { readonly fileCount: number; readonly size: number } | undefined;
  /** What is no part of a cache, or not a whole one; it is not among the repositories. */
  readonly warnings: readonly string[];
}

const reposAtOnce = 8;
const filesAtOnce = 16;
/** Not repositories, and nothing to warn of. */
const known: ReadonlySet<string> = new Set([...systemFiles, ".locks", "CACHEDIR.TAG"]);

/** Lists the cache without asking the Hub. A folder that does not exist is an empty cache. Throws InvalidArgument, UnknownOption, FileUnreadable. */
export async function listCache(options: CacheOptions = {}): Promise<CacheListing> {
  checkCacheOptions("listCache", options, []);
  return scanCache(cacheDirOf(options));
}

export async function scanCache(cacheDir: string): Promise<CacheListing> {
  const path = await realCache(cacheDir);
  if (path === undefined) {
    return { path: cacheDir, repos: [], sizeOnDisk: 0, incomplete: [], sharedStore: undefined, warnings: [] };
  }
  const store = await hasStore(path);
  const names = await cacheNames(path);
  const folders = names.filter((name) => !known.has(name) && !(store && name === storeName));
  const scanned = await mapLimited(folders, reposAtOnce, (name) => scanOrWarn(join(path, name)));
  const repos = scanned.filter((one) => typeof one !== "string");
  repos.sort((a, b) => (a.type === b.type ? (a.id < b.id ? -1 : 1) : a.type < b.type ? -1 : 1));
  const entries = store ? await storeEntries(path) : [];
  return {
    path,
    repos,
    sizeOnDisk: (await ownBytes(path, repos, store)) + sum(entries),
    incomplete: (await mapLimited(names, reposAtOnce, (name) => incompleteIn(join(path, name)))).flat(),
    sharedStore: store ? { fileCount: entries.length, size: sum(entries) } : undefined,
    warnings: scanned.filter((one) => typeof one === "string"),
  };
}

/** The cache folder with all links resolved; undefined: there is none. */
export async function realCache(cacheDir: string): Promise<string | undefined> {
  try {
    const path = await realpath(cacheDir);
    if ((await stat(path)).isDirectory()) return path;
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return undefined;
    throw unreadable(cacheDir, error);
  }
  throw new DeadliftError("InvalidArgument", expected("a folder, not a file,", "cacheDir", cacheDir));
}

/** What is in the cache folder, sorted. Throws FileUnreadable. */
export async function cacheNames(cache: string): Promise<string[]> {
  try {
    return (await readdir(cache)).sort();
  } catch (error) {
    throw unreadable(cache, error);
  }
}

function unreadable(cache: string, cause: unknown): DeadliftError {
  return new DeadliftError("FileUnreadable", `the cache folder ${cache} cannot be read: ${(cause as Error).message}`, {
    cause,
  });
}

async function scanOrWarn(path: string): Promise<CachedRepo | string> {
  try {
    return await scanRepo(path);
  } catch (error) {
    if (error instanceof CorruptRepo) return error.message;
    // One unreadable folder must not hide all others.
    if (errnoOf(error) !== undefined) return `${path} cannot be read: ${(error as Error).message}`;
    throw error;
  }
}

/** Bytes of blobs that belong to one repository alone. */
async function ownBytes(path: string, repos: readonly CachedRepo[], store: boolean): Promise<number> {
  const sizes = new Map<string, number>();
  for (const { revisions } of repos) {
    for (const { files } of revisions) for (const { blob, size } of files) sizes.set(blob, size);
  }
  const shared = store ? await mapLimited([...sizes.keys()], filesAtOnce, (blob) => sharedEntry(path, blob)) : [];
  return [...sizes.values()].reduce((total, size, i) => (shared[i] === undefined ? total + size : total), 0);
}

async function incompleteIn(repo: string): Promise<{ path: string; size: number }[]> {
  const blobs = join(repo, "blobs");
  const names = (await entriesOf(blobs)).map(({ name }) => name).filter((name) => name.endsWith(".incomplete"));
  const found = await mapLimited(names.sort(), filesAtOnce, async (name) => {
    const path = join(blobs, name);
    const size = (await stat(path).catch(() => undefined))?.size;
    return size === undefined ? [] : [{ path, size }];
  });
  return found.flat();
}

interface StoreEntry {
  readonly path: string;
  readonly size: number;
}

/** The contents of the store. */
export async function storeEntries(cacheDir: string): Promise<StoreEntry[]> {
  const store = join(cacheDir, storeName);
  const prefixes = (await entriesOf(store)).filter((entry) => entry.isDirectory() && /^[0-9a-f]{2}$/.test(entry.name));
  const entries: StoreEntry[] = [];
  for (const { name: prefix } of prefixes) {
    for (const { name } of await entriesOf(join(store, prefix))) {
      const path = join(store, prefix, name);
      if (!/^[0-9a-f]{64}$/.test(name) || !name.startsWith(prefix) || !(await isPlainFile(path))) continue;
      entries.push({ path, size: (await stat(path)).size });
    }
  }
  return entries;
}

function sum(entries: readonly StoreEntry[]): number {
  return entries.reduce((total, { size }) => total + size, 0);
}

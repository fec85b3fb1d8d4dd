// Clears the cache of what nobody asks for any more: revisions without a name, broken downloads, blobs without a snapshot.

import { lstat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { DeadliftError, expected } from "../../error.js";
import { holdAll, isLocked, lockOf } from "./blob_locks.js";
import { type CacheOptions, cacheDirOf, checkCacheOptions, checkFlag } from "./cache_options.js";
import { removeInside, temporaryPattern } from "./confined.js";
import { etagPattern } from "./layout.js";
import { type CacheRemoval, Removal, type RemovedItem } from "./removal.js";
import { removeTarget } from "./remove.js";
import { removeBlobs } from "./remove_blobs.js";
import { removedPattern } from "./remove_repo.js";
import { type CacheListing, scanCache, storeEntries } from "./scan.js";
import { type CachedRepo, entriesOf, filesIn } from "./scan_repo.js";
import { referencesOf } from "./shared_sweep.js";

export interface PruneOptions extends CacheOptions {
  /** Only say what would be removed. */
  readonly dryRun?: boolean;
  /** Broken downloads stay for so long after their last byte, to be gone on with; default 0. */
  readonly incompleteOlderThanMs?: number;
}

/** Files that exist for moments only, unless their process died. */
const momentMs = 3_600_000;
/** Where a file system has no locks, a download without a new byte for so long is over. */
const unlockedMs = 86_400_000;
const sharedLinkPattern = /^\..+\.[0-9a-f]{8}\.shared$/;

/**
 * Removes revisions that no branch or tag stands for, and what `hf cache prune` removes with them: broken downloads (of Python
 * and ours) that nobody goes on with now, and shared blobs without a user; also blobs that no snapshot has, and leftovers of
 * processes that died. Throws InvalidArgument, UnknownOption, ReadOnlyCache.
 */
export async function pruneCache(options: PruneOptions = {}): Promise<CacheRemoval> {
  checkCacheOptions("pruneCache", options, ["dryRun", "incompleteOlderThanMs"]);
  checkFlag("dryRun", options.dryRun);
  const { dryRun = false, incompleteOlderThanMs: age = 0 } = options;
  if (typeof age !== "number" || !(age >= 0)) {
    throw new DeadliftError("InvalidArgument", expected("milliseconds of at least 0", "incompleteOlderThanMs", age));
  }
  const listing = await scanCache(cacheDirOf(options));
  const removal = new Removal(listing.path, dryRun);
  await pruneRevisions(removal, listing);
  await pruneIncomplete(removal, listing, age);
  for (const repo of listing.repos) if (!removal.has(repo.path)) await pruneBlobs(removal, repo);
  await pruneLeftovers(removal, listing);
  if (listing.sharedStore) await pruneStore(removal);
  return removal.finish();
}

async function pruneRevisions(removal: Removal, listing: CacheListing): Promise<void> {
  for (const repo of listing.repos) {
    const detached = repo.revisions.filter(({ refs }) => refs.length === 0);
    const whole = detached.length === repo.revisions.length;
    if (detached.length > 0) {
      await removeTarget(removal, listing, { ...repo, revisions: new Set(detached), whole });
    }
  }
}

async function pruneIncomplete(removal: Removal, listing: CacheListing, age: number): Promise<void> {
  for (const { path } of listing.incomplete) {
    const repo = dirname(dirname(path));
    const found = await lstat(path).catch(() => undefined);
    if (!found || removal.has(repo) || Date.now() - found.mtimeMs < age) continue;
    const lock = lockOf(removal.root, repo, path);
    const held = removal.dryRun ? undefined : await holdAll([lock]);
    try {
      const busy = held ? held.busy.size > 0 : await isLocked(lock);
      const doubtful = held?.unsupported && Date.now() - found.mtimeMs < unlockedMs;
      const name = `${basename(repo)}/${basename(path)}`;
      if (busy || doubtful) removal.kept.push({ name, path, reason: "another process is downloading it" });
      else await removeOne(removal, { kind: "incomplete", name, path, bytes: found.isFile() ? found.size : 0 });
    } finally {
      held?.release();
    }
  }
}

async function pruneBlobs(removal: Removal, repo: CachedRepo): Promise<void> {
  const folder = join(repo.path, "blobs");
  const blobs = (await entriesOf(folder))
    .filter(({ name }) => etagPattern.test(name))
    .map(({ name }) => join(folder, name));
  const gone = new Set(repo.revisions.map(({ path }) => path).filter((path) => removal.has(path)));
  // Those of the revisions removed above are counted already.
  const counted = new Set(
    repo.revisions.filter(({ path }) => gone.has(path)).flatMap(({ files }) => files.map(({ blob }) => blob)),
  );
  const name = (blob: string) => `${repo.type}/${repo.id}, blob ${basename(blob)}`;
  await removeBlobs(removal, repo.path, {
    blobs: blobs.filter((blob) => !counted.has(blob)),
    gone,
    name,
    removed: (path, bytes) => removal.add({ kind: "blob", name: name(path), path, bytes }),
  });
}

async function pruneLeftovers(removal: Removal, listing: CacheListing): Promise<void> {
  const locks = join(listing.path, ".locks");
  for (const { name } of await entriesOf(locks)) {
    if (removedPattern.test(name)) await removeLeftover(removal, join(locks, name));
  }
  for (const repo of listing.repos) {
    const folders = removal.has(repo.path) ? [] : [repo.path, join(repo.path, "blobs")];
    for (const folder of folders) {
      for (const { name } of await entriesOf(folder)) {
        if (!temporaryPattern.test(name) && !sharedLinkPattern.test(name)) continue;
        const found = await lstat(join(folder, name)).catch(() => undefined);
        if (found && Date.now() - found.mtimeMs > momentMs) await removeLeftover(removal, join(folder, name));
      }
    }
  }
}

async function removeLeftover(removal: Removal, path: string): Promise<void> {
  let bytes = 0;
  const found = await lstat(path).catch(() => undefined);
  for (const file of found?.isDirectory() ? await filesIn(path) : [path]) {
    const one = await lstat(file).catch(() => undefined);
    if (one?.isFile()) bytes += one.size;
  }
  await removeOne(removal, { kind: "leftover", name: basename(path), path, bytes });
}

async function pruneStore(removal: Removal): Promise<void> {
  for (const { path } of await storeEntries(removal.root)) {
    if ((await referencesOf(removal.root, path))?.size === 0) removal.sweep(path);
  }
}

async function removeOne(removal: Removal, item: RemovedItem): Promise<void> {
  if (removal.dryRun || (await removeInside(removal.root, item.path))) removal.add(item);
  else
    removal.kept.push({ name: item.name, path: item.path, reason: "it is behind a link that leads out of the cache" });
}

// Removes blobs of a repository that no snapshot has, unless somebody is using them at this moment.

import type { Dirent } from "node:fs";
import { lstat, readdir, readlink, realpath } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { holdAll, isLocked, lockOf } from "./blob_locks.js";
import { removeInside } from "./confined.js";
import { diskError, errnoOf } from "./disk_error.js";
import type { Removal } from "./removal.js";
import { filesIn } from "./scan_repo.js";
import { linkedEntry } from "./shared_blobs.js";

/** Locks held at one time; the snapshots are read again for each such batch. */
const blobsAtOnce = 64;
/** Longer chains of links than Python and we make. */
const maxHops = 4;

export interface UnusedBlobs {
  /** Candidates, in the repository's own blobs folder. */
  readonly blobs: readonly string[];
  /** Snapshots that are gone, or in a dry run would be. */
  readonly gone: ReadonlySet<string>;
  readonly removed: (blob: string, bytes: number) => void;
  readonly name: (blob: string) => string;
}

/** Removes those of `unused.blobs` that no snapshot links to; in a dry run only reports them. */
export async function removeBlobs(removal: Removal, repo: string, unused: UnusedBlobs): Promise<void> {
  const used = unused.blobs.length > 0 ? await linkedBlobs(repo, unused.gone) : new Set();
  const blobs = unused.blobs.filter((blob) => !used.has(blob));
  for (let start = 0; start < blobs.length; start += blobsAtOnce) {
    const batch = blobs.slice(start, start + blobsAtOnce);
    await (removal.dryRun ? foretell(removal, repo, batch, unused) : removeBatch(removal, repo, batch, unused));
  }
}

async function foretell(removal: Removal, repo: string, batch: readonly string[], unused: UnusedBlobs): Promise<void> {
  for (const blob of batch) {
    if (await isLocked(lockOf(removal.root, repo, blob))) keep(removal, blob, unused);
    else await removeBlob(removal, blob, unused);
  }
}

async function removeBatch(
  removal: Removal,
  repo: string,
  batch: readonly string[],
  unused: UnusedBlobs,
): Promise<void> {
  const locks = await holdAll(batch.map((blob) => lockOf(removal.root, repo, blob)));
  try {
    // Who linked to one of them before we had its lock is seen here; with it held nobody can.
    const used = await linkedBlobs(repo, unused.gone);
    for (const blob of batch) {
      if (locks.busy.has(lockOf(removal.root, repo, blob))) keep(removal, blob, unused);
      else if (!used.has(blob)) await removeBlob(removal, blob, unused);
    }
  } finally {
    locks.release();
  }
}

function keep(removal: Removal, blob: string, unused: UnusedBlobs): void {
  removal.kept.push({ name: unused.name(blob), path: blob, reason: "another process is using it" });
}

async function removeBlob(removal: Removal, blob: string, unused: UnusedBlobs): Promise<void> {
  const found = await lstat(blob).catch(() => undefined);
  if (!found || found.isDirectory()) return;
  const entry = found.isSymbolicLink() ? await linkedEntry(removal.root, blob).catch(() => undefined) : undefined;
  if (!removal.dryRun && !(await removeInside(removal.root, blob))) return;
  if (entry !== undefined) removal.unlink(entry, blob);
  unused.removed(blob, found.isFile() ? found.size : 0);
}

/** Every path that a link of a snapshot leads over. Throws when one cannot be read: then nothing is known to be unused. */
export async function linkedBlobs(repo: string, gone: ReadonlySet<string>): Promise<Set<string>> {
  const blobs = new Set<string>();
  const folders = new Map<string, string>();
  const snapshots = join(repo, "snapshots");
  for (const { name } of await entriesStrictly(snapshots)) {
    const snapshot = join(snapshots, name);
    if (gone.has(snapshot)) continue;
    for (const path of await filesIn(snapshot, entriesStrictly)) await followLinks(path, blobs, folders);
  }
  return blobs;
}

/** `folders`: real paths known so far. An absolute link may name the same blob by another way. */
async function followLinks(path: string, blobs: Set<string>, folders: Map<string, string>): Promise<void> {
  let at = path;
  for (let hop = 0; hop < maxHops; hop++) {
    const target = await readlink(at).catch(() => undefined);
    if (target === undefined) return;
    at = resolve(dirname(at), target);
    const folder = dirname(at);
    const real = folders.get(folder) ?? (await realpath(folder).catch(() => folder));
    folders.set(folder, real);
    blobs.add(at).add(join(real, basename(at)));
  }
}

async function entriesStrictly(folder: string): Promise<Dirent[]> {
  try {
    return await readdir(folder, { withFileTypes: true });
  } catch (error) {
    if (["ENOENT", "ENOTDIR"].includes(errnoOf(error) ?? "")) return [];
    throw diskError(error, `read ${folder} to see what may be removed`);
  }
}

// Removes a whole repository from the cache: at one moment all of it is there, at the next nothing.

import { randomBytes } from "node:crypto";
import { lstat, rename } from "node:fs/promises";
import { dirname, join } from "node:path";
import { holdAll, isLocked, lockOf } from "./blob_locks.js";
import { isInside, makeFolders, removeInside } from "./confined.js";
import { diskError, errnoOf } from "./disk_error.js";
import type { Removal } from "./removal.js";
import { entriesOf, filesIn } from "./scan_repo.js";
import { linkedEntry } from "./shared_blobs.js";
import type { Target } from "./targets.js";

/** What a removal that was broken off leaves below .locks/, where no reader of the cache looks. */
export const removedPattern: RegExp = /^\.removed-[0-9a-f]{16}$/;
/** Files that may be open for it. Nearly no repository has more. */
const maxLocks = 512;

/** Notes in `removal` what happened. A folder that is a link loses the link alone. */
export async function removeRepo(removal: Removal, target: Target): Promise<void> {
  const { path } = target;
  const name = `${target.type}/${target.id}`;
  const found = await lstat(path).catch(() => undefined);
  if (!found) return;
  if (dirname(path) !== removal.root) {
    removal.kept.push({ name, path, reason: "it is not in the cache folder" });
    return;
  }
  if (found.isSymbolicLink()) {
    if (!removal.dryRun) await removeInside(removal.root, path);
    removal.add({ kind: "repo", name, path, bytes: 0 });
    return;
  }
  const contents = await weigh(removal.root, path);
  const locks = contents.blobs.map((blob) => lockOf(removal.root, path, blob));
  const busy = removal.dryRun ? await anyLocked(locks) : !(await moveAndRemove(removal.root, path, locks));
  if (busy) {
    removal.kept.push({ name, path, reason: "another process is downloading it" });
    return;
  }
  for (const [blob, entry] of contents.shared) removal.unlink(entry, blob);
  removal.add({ kind: "repo", name, path, bytes: contents.bytes });
}

interface Contents {
  readonly bytes: number;
  /** Paths of blobs and of parts of them. */
  readonly blobs: readonly string[];
  /** Blob to the entry of the shared store it links to. */
  readonly shared: ReadonlyMap<string, string>;
}

async function weigh(root: string, repo: string): Promise<Contents> {
  const shared = new Map<string, string>();
  const folder = join(repo, "blobs");
  const own = (await isInside(root, join(folder, "any"))) ? await entriesOf(folder) : [];
  const blobs = own.map((entry) => join(folder, entry.name));
  const snapshots = join(repo, "snapshots");
  const files = (await isInside(root, join(snapshots, "any"))) ? await filesIn(snapshots) : [];
  let bytes = 0;
  for (const path of [...blobs, ...files]) {
    const found = await lstat(path).catch(() => undefined);
    if (found?.isFile()) bytes += found.size;
    const entry = found?.isSymbolicLink() ? await linkedEntry(root, path).catch(() => undefined) : undefined;
    if (entry !== undefined) shared.set(path, entry);
  }
  return { bytes, blobs, shared };
}

async function anyLocked(locks: readonly string[]): Promise<boolean> {
  for (const lock of locks) if (await isLocked(lock)) return true;
  return false;
}

/** false: somebody holds one of the locks, and nothing was done. */
async function moveAndRemove(root: string, path: string, locks: readonly string[]): Promise<boolean> {
  if (await anyLocked(locks.slice(maxLocks))) return false;
  const held = await holdAll(locks.slice(0, maxLocks));
  try {
    if (held.busy.size > 0) return false;
    const away = await moveAway(root, path);
    held.release();
    await removeInside(root, away ?? path);
    return true;
  } finally {
    held.release();
  }
}

/** undefined: it can only be removed where it is, such as a mounted disk. */
async function moveAway(root: string, path: string): Promise<string | undefined> {
  const away = join(root, ".locks", `.removed-${randomBytes(8).toString("hex")}`);
  try {
    await makeFolders(root, dirname(away));
    await rename(path, away);
    return away;
  } catch (error) {
    if (["EACCES", "EROFS"].includes(errnoOf(error) ?? "")) throw diskError(error, `remove ${path}`);
    return undefined;
  }
}

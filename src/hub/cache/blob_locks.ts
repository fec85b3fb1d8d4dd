// The locks of a repository's blobs, for those who remove them: what somebody downloads or links now is not touched.

import { stat } from "node:fs/promises";
import { basename, join } from "node:path";
import { type FileLock, tryLock } from "./lock.js";

/** Where Python and we lock the blob, or the part of one, at `path` in the repository's folder `repo`. */
export function lockOf(root: string, repo: string, path: string): string {
  const name = basename(path);
  const etag = /^(?:[0-9a-f]{64}|[0-9a-f]{40})(?=\.|$)/.exec(name)?.[0] ?? name.replace(/\.incomplete$/, "");
  return join(root, ".locks", basename(repo), `${etag}.lock`);
}

/** Whether somebody holds the lock at this moment. Makes no file. */
export async function isLocked(lock: string): Promise<boolean> {
  if (!(await stat(lock).catch(() => undefined))) return false;
  const held = await tryLock(lock);
  if (held === "busy") return true;
  held?.release();
  return false;
}

/** The locks that could be had, and the paths of those that somebody else holds. */
export interface HeldLocks {
  readonly busy: ReadonlySet<string>;
  /** This file system has no locks: whether a blob is being downloaded cannot be known. */
  readonly unsupported: boolean;
  release(): void;
}

/** One attempt at each lock. */
export async function holdAll(locks: readonly string[]): Promise<HeldLocks> {
  const held: FileLock[] = [];
  const busy = new Set<string>();
  const release = () => {
    for (const one of held.splice(0)) one.release();
  };
  let unsupported = false;
  try {
    for (const path of new Set(locks)) {
      const one = await tryLock(path);
      if (one === "busy") busy.add(path);
      else if (one) held.push(one);
      else unsupported = true;
    }
  } catch (error) {
    release();
    throw error;
  }
  return { busy, unsupported, release };
}

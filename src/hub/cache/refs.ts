// What a branch or tag stands for: one file each, holding a commit.

import { lstat, open, rm } from "node:fs/promises";
import { makeFolders, writeWhole } from "./confined.js";
import { commitPattern, type RepoFolder } from "./layout.js";

/** A commit and some white space; whatever is longer is none. */
const maxRefBytes = 128;

/** The commit that the cache knows for a branch, tag or commit; undefined: none. Throws InvalidArgument. */
export async function readRef(folder: RepoFolder, revision: string): Promise<string | undefined> {
  if (commitPattern.test(revision)) return revision;
  return readCommit(folder.ref(revision));
}

/** The commit a file of refs/ holds; undefined when there is none, or something else. */
export async function readCommit(path: string): Promise<string | undefined> {
  const text = (await readStart(path))?.trim();
  return text !== undefined && commitPattern.test(text) ? text : undefined;
}

/** The start of a file of refs/, longer than any commit; undefined when it cannot be read. */
export async function readStart(path: string): Promise<string | undefined> {
  const file = await open(path, "r").catch(() => undefined);
  if (!file) return undefined;
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(maxRefBytes), 0, maxRefBytes, 0);
    return buffer.toString("latin1", 0, bytesRead);
  } catch {
    return undefined;
  } finally {
    await file.close();
  }
}

/**
 * Remembers that `revision` stands for `commit`, whose snapshot folder is made first: Python calls a ref without one corrupt.
 * Nothing is written when the cache says so already. Throws InvalidArgument, ReadOnlyCache, NoSpace, UnsafeFileName.
 */
export async function writeRef(folder: RepoFolder, revision: string, commit: string): Promise<void> {
  const path = folder.ref(revision);
  await makeFolders(folder.path, folder.snapshot(commit));
  if (commitPattern.test(revision) || (await readCommit(path)) === commit) return;
  try {
    await writeWhole(folder.path, path, commit);
  } catch (error) {
    if (!(await clearWay(folder, revision))) throw error;
    await writeWhole(folder.path, path, commit);
  }
}

/** git never has the branches "a" and "a/b" at one time: the one that is in the other's way is gone on the Hub. */
async function clearWay(folder: RepoFolder, revision: string): Promise<boolean> {
  const entry = (path: string) => lstat(path).catch(() => undefined);
  if (!(await entry(folder.refs))?.isDirectory()) return false;
  const parts = revision.split("/");
  for (let count = 1; count <= parts.length; count++) {
    const way = folder.ref(parts.slice(0, count).join("/"));
    const found = await entry(way);
    const last = count === parts.length;
    if (found?.isDirectory() === !last) continue;
    if (!found || (last && !found.isDirectory())) return false;
    await rm(way, { recursive: true, force: true });
    return true;
  }
  return false;
}

// A snapshot without the Hub: what the cache knows of a revision, and whether the files that are wanted are all there.

import { readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { DeadliftError } from "../../error.js";
import type { TreeFile } from "../api.js";
import { cachedFile } from "../cache/cached.js";
import type { RepoFolder } from "../cache/layout.js";
import { readRef } from "../cache/refs.js";
import { readTree } from "../cache/trees.js";
import { unsafePart } from "../file_names.js";
import { identify } from "./blob.js";
import { pick, type SnapshotFile } from "./plan.js";

/** As many as a listing of the Hub may have. */
const maxFiles = 100_000;
/** The largest indexes have some 15 MB. */
const maxTextBytes = 64 * 2 ** 20;

export interface CachedCommit {
  readonly commit: string;
  readonly files: readonly TreeFile[];
  /** Whether these are all files of the commit; else those that are here. */
  readonly complete: boolean;
}

/** What the cache has of a revision; undefined: nothing. Throws InvalidArgument. */
export async function cachedCommit(folder: RepoFolder, revision: string): Promise<CachedCommit | undefined> {
  const commit = await readRef(folder, revision);
  if (commit === undefined) return undefined;
  const root = folder.snapshot(commit);
  const found = await stat(root).catch(() => undefined);
  if (!found?.isDirectory()) return undefined;
  const files = await readTree(folder, commit);
  if (files) return { commit, files, complete: true };
  return { commit, files: await walk(root), complete: false };
}

/** Python writes a listing only when it downloads whole snapshots. Hashes are not known then. */
async function walk(root: string): Promise<TreeFile[]> {
  const files: TreeFile[] = [];
  const folders = [""];
  for (let prefix = folders.pop(); prefix !== undefined; prefix = folders.pop()) {
    for (const { name } of await readdir(join(root, prefix), { withFileTypes: true })) {
      const path = prefix === "" ? name : `${prefix}/${name}`;
      const found = await stat(join(root, path)).catch(() => undefined);
      if (!found || unsafePart(path) !== undefined) continue;
      if (found.isDirectory()) folders.push(path);
      else if (found.isFile()) files.push({ path, size: found.size, blobId: "" });
      if (files.length > maxFiles)
        throw new DeadliftError("LimitExceeded", `expected at most ${maxFiles} files in ${root}`);
    }
  }
  return files;
}

export type Choose = (
  files: readonly TreeFile[],
  read: (path: string) => Promise<string>,
) => Promise<readonly string[]> | readonly string[];

/** The chosen files, all of them here. Throws IncompleteSnapshot naming what is missing, and what `choose` throws. */
export async function chooseCached(
  folder: RepoFolder,
  known: CachedCommit,
  choose: Choose,
  reason: string,
): Promise<SnapshotFile[]> {
  const { commit, files, complete } = known;
  const read = async (path: string) => {
    const found = await cachedFile(folder, commit, path);
    if (!found) throw incomplete(folder.repo, commit, [path], reason);
    return readText(found.path);
  };
  const chosen = await chooseFrom(files, choose, read, folder, known, reason);
  const missing: string[] = [];
  for (const file of chosen) {
    const found = await cachedFile(folder, commit, file.path);
    if (!found || (complete && found.size !== identify(file).size)) missing.push(file.path);
  }
  if (missing.length > 0) throw incomplete(folder.repo, commit, missing, reason);
  return chosen.map((file) => ({ path: file.path, size: identify(file).size, cached: true }));
}

/** Where only a part of the files is known, a choice that fails may be one that the missing files would have made. */
async function chooseFrom(
  files: readonly TreeFile[],
  choose: Choose,
  read: (path: string) => Promise<string>,
  { repo }: RepoFolder,
  { commit, complete }: CachedCommit,
  reason: string,
): Promise<TreeFile[]> {
  try {
    return pick(files, await choose(files, read), repo, commit);
  } catch (cause) {
    const lacking = cause instanceof DeadliftError && !complete;
    if (!lacking || !["EntryNotFound", "NotAModel", "QuantNotFound"].includes(cause.code)) throw cause;
    const names = files.slice(0, 10).map(({ path }) => path);
    const has = names.length === 0 ? "no files" : `only ${names.join(", ")}${files.length > 10 ? ", ..." : ""}`;
    throw new DeadliftError(
      "IncompleteSnapshot",
      `the cache has ${has} of ${repo} at ${commit}: ${cause.message}; ${reason}`,
      {
        cause,
      },
    );
  }
}

function incomplete(repo: string, commit: string, missing: readonly string[], reason: string): DeadliftError {
  const names = missing.slice(0, 5).join(", ") + (missing.length > 5 ? `, ... (${missing.length} files)` : "");
  return new DeadliftError("IncompleteSnapshot", `the cache lacks ${names} of ${repo} at ${commit}; ${reason}`);
}

/** A text of the cache, such as an index. Throws LimitExceeded. */
export async function readText(path: string): Promise<string> {
  const { size } = await stat(path);
  if (size <= maxTextBytes) return readFile(path, "utf8");
  throw new DeadliftError("LimitExceeded", `expected at most ${maxTextBytes} bytes of text in ${path}, found ${size}`);
}

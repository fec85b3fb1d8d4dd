// Which files of a snapshot are to have which hash.

import { readlink } from "node:fs/promises";
import { basename, join, relative, sep } from "node:path";
import type { TreeFile } from "../api.js";
import { type CachedBlob, resolveFile } from "./cached.js";
import type { HashAlgorithm } from "./hash_file.js";
import { commitPattern, etagPattern } from "./layout.js";
import { filesIn } from "./scan_repo.js";
import { readTreeAt } from "./trees.js";
import type { Snapshot } from "./verify_snapshots.js";

export interface PlannedCheck {
  /** Path in the repository. */
  readonly path: string;
  /** Where its bytes are. */
  readonly real: string;
  readonly size: number;
  readonly expected: string;
  readonly algorithm: HashAlgorithm;
}

export interface RevisionPlan {
  readonly snapshot: Snapshot;
  readonly checks: readonly PlannedCheck[];
  readonly missing: readonly string[];
  readonly extra: readonly string[];
  readonly unverifiable: readonly string[];
}

/** `listed`: the files of the commit; else what the cache knows of them. */
export async function planRevision(snapshot: Snapshot, listed?: readonly TreeFile[]): Promise<RevisionPlan> {
  const local = await localFiles(snapshot.path);
  const tree = listed ?? (await knownTree(snapshot));
  return tree ? planByTree(snapshot, local, tree) : planByNames(snapshot, local);
}

interface LocalFile {
  readonly blob: CachedBlob | undefined; // undefined: a link to nothing
  /** Name of what it links to: the hash, if that is a blob. */
  readonly name: string | undefined;
}

async function localFiles(snapshot: string): Promise<Map<string, LocalFile>> {
  const files = new Map<string, LocalFile>();
  for (const path of (await filesIn(snapshot)).sort()) {
    const target = await readlink(path).catch(() => undefined);
    const name = target === undefined ? undefined : basename(target);
    files.set(relative(snapshot, path).split(sep).join("/"), { blob: await resolveFile(path), name });
  }
  return files;
}

function knownTree({ repoPath, commit }: Snapshot): Promise<TreeFile[] | undefined> | undefined {
  return commitPattern.test(commit) ? readTreeAt(join(repoPath, "trees", `${commit}.json`)) : undefined;
}

function planByTree(
  snapshot: Snapshot,
  local: ReadonlyMap<string, LocalFile>,
  tree: readonly TreeFile[],
): RevisionPlan {
  const checks: PlannedCheck[] = [];
  const missing: string[] = [];
  for (const { path, blobId, lfsSha256 } of tree) {
    const blob = local.get(path)?.blob;
    if (blob) checks.push(check(path, blob, lfsSha256 ?? blobId));
    else missing.push(path);
  }
  const known = new Set(tree.map(({ path }) => path));
  const extra = [...local].filter(([path, { blob }]) => blob && !known.has(path)).map(([path]) => path);
  return { snapshot, checks, missing, extra, unverifiable: [] };
}

function planByNames(snapshot: Snapshot, local: ReadonlyMap<string, LocalFile>): RevisionPlan {
  const checks: PlannedCheck[] = [];
  const missing: string[] = [];
  const unverifiable: string[] = [];
  for (const [path, { blob, name }] of local) {
    if (!blob) missing.push(path);
    else if (name !== undefined && etagPattern.test(name)) checks.push(check(path, blob, name));
    else unverifiable.push(path);
  }
  return { snapshot, checks, missing, extra: [], unverifiable };
}

function check(path: string, { path: real, size }: CachedBlob, hash: string): PlannedCheck {
  return { path, real, size, expected: hash.toLowerCase(), algorithm: hash.length === 64 ? "sha256" : "git-sha1" };
}

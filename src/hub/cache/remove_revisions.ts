// Removes single revisions of a repository from the cache, and of its blobs those that no other revision has.

import { lstat, rmdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import { isLocked, lockOf } from "./blob_locks.js";
import { isInside, removeInside } from "./confined.js";
import { commitPattern } from "./layout.js";
import { readCommit } from "./refs.js";
import type { Removal } from "./removal.js";
import { removeBlobs } from "./remove_blobs.js";
import type { CachedRepo, CachedRevision } from "./scan_repo.js";
import { readTreeAt } from "./trees.js";

/** Notes in `removal` what happened. */
export async function removeRevisions(
  removal: Removal,
  repo: CachedRepo,
  revisions: readonly CachedRevision[],
): Promise<void> {
  const blobs = new Map<string, string>(); // blob to the snapshot that it is counted for
  const gone = new Set<string>();
  for (const revision of revisions) {
    const { commit, path, files } = revision;
    const name = `${repo.type}/${repo.id}@${commit}`;
    const reason = await whyKept(removal.root, repo, revision);
    if (reason !== undefined) {
      removal.kept.push({ name, path, reason });
      continue;
    }
    removal.add({ kind: "revision", name, path, bytes: await bytesInside(revision) });
    if (!removal.dryRun) await removeSnapshot(removal.root, repo, revision);
    gone.add(path);
    for (const { blob } of files) if (dirname(blob) === join(repo.path, "blobs")) blobs.set(blob, path);
  }
  await removeBlobs(removal, repo.path, {
    blobs: [...blobs.keys()],
    gone,
    removed: (blob, bytes) => removal.addBytes(blobs.get(blob)!, bytes),
    name: (blob) => `${repo.type}/${repo.id}, a blob of ${blobs.get(blob)}`,
  });
}

/** undefined: nothing speaks against it. */
async function whyKept(root: string, repo: CachedRepo, revision: CachedRevision): Promise<string | undefined> {
  const rooms = ["snapshots", "refs", "blobs"].map((room) => join(repo.path, room));
  for (const room of rooms) {
    const present = await lstat(room).catch(() => undefined);
    if (present && !(await isInside(root, join(room, "any")))) return `${room} leads out of the cache folder by a link`;
  }
  if (!commitPattern.test(revision.commit)) return undefined;
  const tree = await readTreeAt(join(repo.path, "trees", `${revision.commit}.json`));
  const here = new Set(revision.files.map(({ path }) => path));
  for (const { path, blobId, lfsSha256 } of tree ?? []) {
    if (here.has(path)) continue;
    if (await isLocked(lockOf(root, repo.path, lfsSha256 ?? blobId))) return "another process is downloading it";
  }
  return undefined;
}

/** Of files that are no links to blobs. */
async function bytesInside({ path, files }: CachedRevision): Promise<number> {
  if ((await lstat(path).catch(() => undefined))?.isSymbolicLink()) return 0;
  return files.reduce((total, file) => total + (file.blob === join(path, ...file.path.split("/")) ? file.size : 0), 0);
}

/** References first: one to a snapshot that is gone would make the whole repository corrupt. */
async function removeSnapshot(root: string, repo: CachedRepo, { commit, path, refs }: CachedRevision): Promise<void> {
  for (const ref of refs) {
    const file = join(repo.path, "refs", ...ref.split("/"));
    // Another process may have moved it since.
    if ((await readCommit(file)) !== commit) continue;
    await removeInside(root, file);
    await removeEmpty(dirname(file), join(repo.path, "refs"));
  }
  await removeInside(root, path);
  if (!commitPattern.test(commit)) return;
  await removeInside(root, join(repo.path, "trees", `${commit}.json`));
  await removeInside(root, join(repo.path, ".no_exist", commit));
}

async function removeEmpty(folder: string, last: string): Promise<void> {
  for (let at = folder; at !== last; at = dirname(at)) {
    if (
      await rmdir(at).then(
        () => false,
        () => true,
      )
    )
      return;
  }
}

// Makes a repository's folders so that nobody who looks at the cache meanwhile sees half of one.

import { randomBytes } from "node:crypto";
import { lstat, mkdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { DeadliftError } from "../../error.js";
import type { TreeFile } from "../api.js";
import { makeFolders } from "../cache/confined.js";
import { diskError } from "../cache/disk_error.js";
import type { RepoFolder } from "../cache/layout.js";
import { prepareCache } from "../cache/pointers.js";
import { writeRef } from "../cache/refs.js";
import { writeTree } from "../cache/trees.js";
import type { HubSettings } from "../settings.js";

/** Makes the folders that blobs and the files of a commit go to. Throws ReadOnlyCache, NoSpace, UnsafeFileName. */
export async function prepareRepo(folder: RepoFolder, commit: string, settings: HubSettings): Promise<void> {
  await prepareCache(settings);
  await appear(folder, settings);
  await makeFolders(folder.path, folder.snapshot(commit));
  await makeFolders(folder.path, folder.blobs);
}

/** Python calls a repository without a snapshots folder corrupt, so they come into being together. */
async function appear(folder: RepoFolder, settings: HubSettings): Promise<void> {
  if (await exists(folder.path)) return;
  const made = join(settings.cacheDir, ".locks", `${folder.name}.${randomBytes(8).toString("hex")}.tmp`);
  try {
    await mkdir(join(made, "snapshots"), { recursive: true });
    await rename(made, folder.path);
  } catch (error) {
    await rm(made, { recursive: true, force: true }).catch(() => {});
    // Somebody else was faster.
    if (!(await exists(folder.path))) throw diskError(error, `make the folder ${folder.path}`);
  }
}

function exists(path: string): Promise<boolean> {
  return lstat(path).then(
    () => true,
    () => false,
  );
}

/** What is remembered of a revision: the commit it stands for, and the files of that (undefined: they are known). */
export interface Remembered {
  readonly revision: string;
  readonly commit: string;
  readonly files: readonly TreeFile[] | undefined;
}

/** A disk that takes nothing forgets it; whatever else is missing, the download will say. */
export async function remember(folder: RepoFolder, { revision, commit, files }: Remembered): Promise<void> {
  try {
    if (files) await writeTree(folder, commit, files);
    await writeRef(folder, revision, commit);
  } catch (error) {
    const forgotten = error instanceof DeadliftError && (error.code === "ReadOnlyCache" || error.code === "NoSpace");
    if (!forgotten) throw error;
  }
}

// Which files a commit is known not to have, so that nobody asks for them again.

import { stat } from "node:fs/promises";
import { makeFolders, writeWhole } from "./confined.js";
import type { RepoFolder } from "./layout.js";

/** Remembers that the Hub has no such file at this commit. Throws InvalidArgument, UnsafeFileName, ReadOnlyCache, NoSpace. */
export async function markMissing(folder: RepoFolder, commit: string, file: string): Promise<void> {
  if (await isMissing(folder, commit, file)) return;
  // Python's scan wants a snapshots folder in every repository.
  await makeFolders(folder.path, folder.snapshots);
  await writeWhole(folder.path, folder.noExist(commit, file), "");
}

/** Whether the Hub once said that this commit has no such file. */
export async function isMissing(folder: RepoFolder, commit: string, file: string): Promise<boolean> {
  const found = await stat(folder.noExist(commit, file)).catch(() => undefined);
  return found?.isFile() ?? false;
}

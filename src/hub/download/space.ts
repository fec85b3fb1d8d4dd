// Whether a disk has room for what is still to come, before any of it comes.

import { statfs } from "node:fs/promises";
import { dirname } from "node:path";
import { DeadliftError } from "../../error.js";

/** Throws NoSpace when the disk of `folder` (or of what exists above it) has less than `bytes` free. */
export async function checkSpace(folder: string, bytes: number, what: string): Promise<void> {
  if (bytes === 0) return;
  const free = await freeBytes(folder);
  if (free === undefined || free >= bytes) return;
  throw new DeadliftError(
    "NoSpace",
    `${what} needs ${bytes} bytes more in ${folder}, where ${free} are free; free some space ` +
      "(`deadlift cache prune` removes leftovers), or choose another folder with the option cacheDir or HF_HUB_CACHE",
  );
}

/** undefined where the system does not tell. */
async function freeBytes(folder: string): Promise<number | undefined> {
  try {
    const { bavail, bsize } = await statfs(folder);
    return bavail * bsize;
  } catch (error) {
    const above = dirname(folder);
    const missing = (error as NodeJS.ErrnoException).code === "ENOENT";
    return missing && above !== folder ? freeBytes(above) : undefined;
  }
}

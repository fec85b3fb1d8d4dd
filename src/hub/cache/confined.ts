// Writing into a folder of the cache without ever leaving it: links on the way are refused, files appear whole or not at all.

import { randomBytes } from "node:crypto";
import { lstat, mkdir, realpath, rename, rm, writeFile } from "node:fs/promises";
import { dirname, join, relative, sep } from "node:path";
import { DeadliftError } from "../../error.js";
import { diskError, errnoOf } from "./disk_error.js";

/** Names of files that are about to be renamed, in a repository's folder where no reader of the cache looks. */
export const temporaryPattern: RegExp = /^\.deadlift-[0-9a-f]{16}\.tmp$/;

/** A path for a file on its way into `root`. */
export function temporaryPath(root: string): string {
  return join(root, `.deadlift-${randomBytes(8).toString("hex")}.tmp`);
}

/**
 * Makes `folder` and what is missing between it and `root`. `root` itself may be reached through links, as its owner likes;
 * a link below it is refused with UnsafeFileName. Throws ReadOnlyCache, NoSpace.
 */
export async function makeFolders(root: string, folder: string): Promise<void> {
  const parts = relative(root, folder).split(sep).filter(Boolean);
  if (parts.includes("..")) throw new DeadliftError("UnsafeFileName", `${folder} is not in ${root}`);
  try {
    if (await isRealFolder(root, parts)) return;
    await mkdir(root, { recursive: true });
    let at = root;
    for (const part of parts) {
      at = join(at, part);
      await makeOne(at);
    }
  } catch (error) {
    throw diskError(error, `make the folder ${folder}`);
  }
}

/** Whether all of them are there already: the usual case, asked from the end. */
async function isRealFolder(root: string, parts: readonly string[]): Promise<boolean> {
  for (let count = parts.length; count > 0; count--) {
    const found = await lstat(join(root, ...parts.slice(0, count))).catch(() => undefined);
    if (!found?.isDirectory()) return false;
  }
  return parts.length > 0;
}

async function makeOne(folder: string): Promise<void> {
  try {
    await mkdir(folder);
  } catch (error) {
    if (errnoOf(error) !== "EEXIST") throw error;
    const found = await lstat(folder);
    if (found.isDirectory()) return;
    const what = found.isSymbolicLink() ? "a link" : "a file";
    throw new DeadliftError("UnsafeFileName", `${folder} is ${what}, expected a folder; remove it and try again`);
  }
}

/** Writes the file at `path` below `root`: readers see the old text or the new, also after a crash. */
export async function writeWhole(root: string, path: string, text: string): Promise<void> {
  await makeFolders(root, dirname(path));
  const temporary = temporaryPath(root);
  try {
    await writeFile(temporary, text, { flag: "wx" });
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => undefined);
    throw diskError(error, `write ${path}`);
  }
}

/** Whether `path` is in the folder `root` (all links resolved) and no folder on the way to it is a link. */
export async function isInside(root: string, path: string): Promise<boolean> {
  const folder = dirname(path);
  if (folder !== root && !folder.startsWith(root.endsWith(sep) ? root : root + sep)) return false;
  return (await realpath(folder).catch(() => undefined)) === folder;
}

/**
 * Removes what is at `path` in the folder `root` (all links resolved): of a link the link, never what it leads to. What is not
 * there is removed. false: a folder on the way is a link, and what is behind it is not ours.
 */
export async function removeInside(root: string, path: string): Promise<boolean> {
  if (!(await isInside(root, path))) return (await lstat(path).catch(() => undefined)) === undefined;
  try {
    await rm(path, { recursive: true, force: true });
    return true;
  } catch (error) {
    throw diskError(error, `remove ${path}`);
  }
}

// The files of a snapshot: links to blobs, or the blobs themselves where no links can be made; and the cache folder as a whole.

import { randomBytes } from "node:crypto";
import {
  constants,
  copyFile,
  lstat,
  mkdir,
  realpath,
  rename,
  rm,
  stat,
  symlink,
  unlink,
  writeFile,
} from "node:fs/promises";
import { dirname, join, relative } from "node:path";
import { DeadliftError } from "../../error.js";
import type { HubSettings } from "../settings.js";
import { makeFolders, temporaryPath } from "./confined.js";
import { diskError, errnoOf } from "./disk_error.js";
import type { RepoFolder } from "./layout.js";

type CacheSettings = Pick<HubSettings, "cacheDir">;
type LinkSettings = Pick<HubSettings, "cacheDir" | "symlinks">;

/** What backup tools look for in folders that need no backup: the text Python writes. */
const cacheTag = `Signature: 8a477f597d28d172789f06886806bc55
# This file is a cache directory tag created by huggingface_hub.
# For information about cache directory tags, see:
#\thttps://bford.info/cachedir/
`;

export interface Pointer {
  readonly folder: RepoFolder;
  readonly commit: string;
  /** Path in the repository. */
  readonly file: string;
  readonly etag: string;
  /** The blob came just now and no other snapshot has it: without links it may be moved. */
  readonly newBlob: boolean;
  readonly settings: LinkSettings;
}

/** Makes the cache folder, tagged as a cache. Throws ReadOnlyCache, NoSpace. */
export async function prepareCache(settings: CacheSettings): Promise<void> {
  const { cacheDir } = settings;
  try {
    await mkdir(cacheDir, { recursive: true });
  } catch (error) {
    throw diskError(error, `make the cache folder ${cacheDir}`);
  }
  // A cache without a tag is as good: as in Python, the tag is tried and no more.
  await writeFile(join(cacheDir, "CACHEDIR.TAG"), cacheTag, { flag: "wx" }).catch(() => undefined);
}

const linkable = new Map<string, Promise<boolean>>();

/** Whether snapshots can be links here: tried once for each cache folder. */
export async function canLink(folder: RepoFolder, settings: LinkSettings): Promise<boolean> {
  if (!settings.symlinks) return false;
  let answer = linkable.get(settings.cacheDir);
  if (!answer) {
    answer = tryLink(folder.path);
    linkable.set(settings.cacheDir, answer);
    answer.catch(() => linkable.delete(settings.cacheDir));
  }
  return answer;
}

async function tryLink(root: string): Promise<boolean> {
  await makeFolders(root, root);
  const path = temporaryPath(root);
  try {
    await symlink("blobs", path);
    await unlink(path);
    return true;
  } catch (error) {
    // These say nothing about links.
    const others = ["EROFS", "EACCES", "ENOSPC", "EDQUOT", "EMFILE", "ENFILE", "ENOENT", "ENOTDIR"];
    if (others.includes(errnoOf(error) ?? "")) throw diskError(error, `write in ${root}`);
    return false;
  }
}

/**
 * Puts the blob `etag` into the snapshot of a commit under its name. A pointer that is right stays; another one is replaced in
 * one step. To be called with the blob's lock held. Throws UnsafeFileName, ReadOnlyCache, NoSpace.
 */
export async function linkSnapshot(pointer: Pointer): Promise<void> {
  const path = pointer.folder.snapshot(pointer.commit, pointer.file);
  const blob = pointer.folder.blob(pointer.etag);
  await makeFolders(pointer.folder.path, dirname(path));
  try {
    if (await isRight(path, await realpath(blob), pointer)) return;
    if (!(await canLink(pointer.folder, pointer.settings)) || !(await putLink(path, blob, pointer.folder))) {
      await putFile(path, blob, pointer);
    }
  } catch (error) {
    throw diskError(error, `write ${path}`);
  }
}

async function isRight(path: string, blob: string, { newBlob }: Pointer): Promise<boolean> {
  const found = await lstat(path).catch(() => undefined);
  if (!found) return false;
  if (found.isDirectory()) throw new DeadliftError("UnsafeFileName", `${path} is a folder, expected a file; remove it`);
  if (found.isSymbolicLink()) return (await realpath(path).catch(() => undefined)) === blob;
  // A file of its own, from where there were no links: right unless it is to be replaced.
  return found.isFile() && !newBlob && found.size === (await stat(blob)).size;
}

/** false: this file system refuses links although another folder of the cache has some. */
async function putLink(path: string, blob: string, folder: RepoFolder): Promise<boolean> {
  const target = relative(dirname(path), blob);
  try {
    await symlink(target, path);
    return true;
  } catch (error) {
    if (errnoOf(error) === "EPERM") return false;
    if (errnoOf(error) !== "EEXIST") throw error;
  }
  await replace(folder, path, (temporary) => symlink(target, temporary));
  return true;
}

async function putFile(path: string, blob: string, { folder, newBlob }: Pointer): Promise<void> {
  // A blob that is a link belongs to the shared store, too.
  if (newBlob && (await lstat(blob)).isFile()) {
    await rename(blob, path);
    return;
  }
  const copy = `${blob}.${randomBytes(4).toString("hex")}.incomplete`;
  await replace(folder, path, (temporary) => copyFile(blob, temporary, constants.COPYFILE_FICLONE), copy);
}

async function replace(
  folder: RepoFolder,
  path: string,
  make: (temporary: string) => Promise<void>,
  temporary = temporaryPath(folder.path),
): Promise<void> {
  try {
    await make(temporary);
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => undefined);
    throw error;
  }
}

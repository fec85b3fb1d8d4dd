// The store of blobs that repositories share, as Python's huggingface_hub 2 keeps it: where things are, and reuse of what is there.

import { randomBytes } from "node:crypto";
import { constants } from "node:fs";
import { access, lstat, open, readlink, realpath, rename, rm, symlink } from "node:fs/promises";
import { basename, dirname, isAbsolute, join, relative, resolve, sep } from "node:path";
import type { HubSettings } from "../settings.js";
import { errnoOf } from "./disk_error.js";
import { etagPattern, type RepoFolder } from "./layout.js";
import { everybodyMode, lock } from "./lock.js";
import { canLink } from "./pointers.js";

export const storeName = "blobs";
const markerName = ".huggingface-shared-blobs";
const layoutVersion = "1\n";
const xetPattern = /^[0-9a-f]{64}$/;
const repoPattern = /^(?:datasets|kernels|models|spaces)--.+$/s;

/** Whether the cache has a store of the layout we know. Without its mark the folder is somebody else's. */
export async function hasStore(cacheDir: string): Promise<boolean> {
  const folder = join(cacheDir, storeName);
  const marker = join(folder, markerName);
  if (!(await isFolder(folder)) || !(await isPlainFile(marker))) return false;
  const file = await open(marker, "r").catch(() => undefined);
  if (!file) return false;
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(16), 0, 16, 0);
    return buffer.toString("latin1", 0, bytesRead) === layoutVersion;
  } catch {
    return false;
  } finally {
    await file.close();
  }
}

/** Where the store has the content with this Xet hash; undefined for what is no hash. */
export function storeEntry(cacheDir: string, xetHash: string): string | undefined {
  return xetPattern.test(xetHash) ? join(cacheDir, storeName, xetHash.slice(0, 2), xetHash) : undefined;
}

/** A blob's path as manifests name it, "models--org--name/blobs/<etag>"; undefined for what is no blob of a repository. */
export function manifestName(cacheDir: string, blob: string): string | undefined {
  const parts = relative(cacheDir, blob).split(sep);
  const [repo, room, name] = parts;
  if (parts.length !== 3 || !repoPattern.test(repo!) || room !== "blobs" || !name) return undefined;
  return /[\r\n]/.test(`${repo}${name}`) ? undefined : parts.join("/");
}

/** The entry of the store that a repository's blob links to, be it there or not; undefined: it is no such link. Throws what the disk does. */
export async function linkedEntry(cacheDir: string, blob: string): Promise<string | undefined> {
  if (manifestName(cacheDir, blob) === undefined) return undefined;
  const target = await readLink(blob);
  if (target === undefined) return undefined;
  const entry = isAbsolute(target) ? resolve(target) : resolve(dirname(blob), target);
  return entry === storeEntry(cacheDir, basename(entry)) ? entry : undefined;
}

async function readLink(path: string): Promise<string | undefined> {
  try {
    return await readlink(path);
  } catch (error) {
    // EINVAL: it is no link.
    if (["ENOENT", "EINVAL", "ENOTDIR", "UNKNOWN"].includes(errnoOf(error) ?? "")) return undefined;
    throw error;
  }
}

/** The entry a blob shares, if that is there. */
export async function sharedEntry(cacheDir: string, blob: string): Promise<string | undefined> {
  const entry = await linkedEntry(cacheDir, blob).catch(() => undefined);
  return entry !== undefined && (await isPlainFile(entry)) ? entry : undefined;
}

export function manifestOf(entry: string): string {
  return `${entry}.refs`;
}

/** Runs `work` with the entry's lock; undefined where nothing can be locked, and then nothing was done. */
export async function withEntry<T>(
  entry: string,
  work: () => Promise<T>,
  signal?: AbortSignal,
): Promise<T | undefined> {
  const held = await lock(`${entry}.lock`, { mode: everybodyMode, ...(signal && { signal }) });
  if (!held) return undefined;
  try {
    return await work();
  } finally {
    held.release();
  }
}

export interface Reuse {
  readonly settings: Pick<HubSettings, "cacheDir" | "symlinks" | "sharedBlobs">;
  readonly folder: RepoFolder;
  readonly etag: string;
  readonly xetHash: string | undefined;
  readonly size: number;
  readonly signal?: AbortSignal;
}

/**
 * Makes blobs/<etag> a link to what the store has of that Xet hash and size: true when it did. To be called with the blob's lock
 * held and no blob there. A store that cannot be used is a download more, never an error, except Aborted.
 */
export async function reuseSharedBlob({ settings, folder, etag, xetHash, size, signal }: Reuse): Promise<boolean> {
  const { cacheDir } = settings;
  const entry = xetHash === undefined || !settings.sharedBlobs ? undefined : storeEntry(cacheDir, xetHash);
  if (entry === undefined || !etagPattern.test(etag) || !(await hasStore(cacheDir))) return false;
  if (!(await isUsable(entry, size)) || !(await canLink(folder, settings))) return false;
  const blob = folder.blob(etag);
  try {
    return (await withEntry(entry, () => share(cacheDir, entry, blob, size), signal)) ?? false;
  } catch (error) {
    if (signal?.aborted) throw error;
    return false;
  }
}

/** The manifest names the link before anybody can see it: what is not named may be swept. */
async function share(cacheDir: string, entry: string, blob: string, size: number): Promise<boolean> {
  if (!(await isUsable(entry, size))) return false;
  const link = join(dirname(blob), `.${basename(blob)}.${randomBytes(4).toString("hex")}.shared`);
  try {
    await symlink(relative(dirname(blob), entry), link);
    // A repository's folder that is a link itself is elsewhere: "../../blobs" does not lead to the store from there.
    if ((await realpath(link).catch(() => undefined)) !== (await realpath(entry))) return false;
    await appendName(manifestOf(entry), manifestName(cacheDir, blob)!);
    await rename(link, blob);
    return true;
  } finally {
    await rm(link, { force: true });
  }
}

async function appendName(manifest: string, name: string): Promise<void> {
  const { O_WRONLY, O_APPEND, O_CREAT } = constants;
  const file = await open(manifest, O_WRONLY | O_APPEND | O_CREAT | (constants.O_NOFOLLOW ?? 0), everybodyMode);
  try {
    if (!(await file.stat()).isFile()) throw new Error(`${manifest} is no regular file`);
    // Only its owner may; the others of a shared cache find it done.
    await file.chmod(everybodyMode).catch(() => undefined);
    const line = Buffer.from(`${name}\n`);
    const { bytesWritten } = await file.write(line);
    if (bytesWritten !== line.length) throw new Error(`${manifest} could not be written whole`);
    await file.sync();
  } finally {
    await file.close();
  }
}

async function isUsable(entry: string, size: number): Promise<boolean> {
  const found = await lstat(entry).catch(() => undefined);
  if (!found?.isFile() || found.size !== size) return false;
  return access(entry, constants.R_OK).then(
    () => true,
    () => false,
  );
}

async function isFolder(path: string): Promise<boolean> {
  return (await lstat(path).catch(() => undefined))?.isDirectory() ?? false;
}

/** A regular file, and no link to one. */
export async function isPlainFile(path: string): Promise<boolean> {
  return (await lstat(path).catch(() => undefined))?.isFile() ?? false;
}

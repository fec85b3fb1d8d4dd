// What the cache has, by real path: a pointer may lead to its file through several links, and through one that ends nowhere.

import { realpath, stat } from "node:fs/promises";
import type { RepoFolder } from "./layout.js";

export interface CachedBlob {
  /** Where the bytes are, all links resolved. */
  readonly path: string;
  readonly size: number;
}

/** A file of a snapshot; undefined: the cache does not have it. Throws InvalidArgument, UnsafeFileName. */
export function cachedFile(folder: RepoFolder, commit: string, file: string): Promise<CachedBlob | undefined> {
  return resolveFile(folder.snapshot(commit, file));
}

/** A blob, of its repository alone or shared; undefined: the cache does not have it. */
export function cachedBlob(folder: RepoFolder, etag: string): Promise<CachedBlob | undefined> {
  return resolveFile(folder.blob(etag));
}

/** The file that a path of the cache leads to. */
export async function resolveFile(path: string): Promise<CachedBlob | undefined> {
  try {
    const real = await realpath(path);
    const found = await stat(real);
    return found.isFile() ? { path: real, size: found.size } : undefined;
  } catch {
    return undefined;
  }
}

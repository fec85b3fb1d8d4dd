// One content of a repository: found in the cache or downloaded once, by one process, and only put there when its hash is right.

import { randomBytes } from "node:crypto";
import { rm } from "node:fs/promises";
import { DeadliftError } from "../../error.js";
import type { TreeFile } from "../api.js";
import { cachedBlob, cachedFile } from "../cache/cached.js";
import { diskError, errnoOf } from "../cache/disk_error.js";
import type { RepoFolder } from "../cache/layout.js";
import { type FileLock, lock } from "../cache/lock.js";
import { linkSnapshot } from "../cache/pointers.js";
import { reuseSharedBlob } from "../cache/shared_blobs.js";
import type { RetryOptions } from "../http/retry.js";
import type { HubSettings } from "../settings.js";
import { chunkBytes } from "./blocks.js";
import type { Budget } from "./budget.js";
import type { DirectPool } from "./direct_pool.js";
import type { FileHasher } from "./hash.js";
import { orAborted } from "./linked_abort.js";
import type { FileHash } from "./local_hash.js";
import { Partial, type PartialPaths } from "./partial.js";
import type { ProgressMeter } from "./progress.js";
import { Source } from "./source.js";
import { transfer } from "./transfer.js";

/** A content and the files of a commit that have it. */
export interface Blob {
  readonly etag: string;
  readonly size: number;
  readonly xetHash: string | undefined;
  /** At least one. */
  readonly files: readonly string[];
}

/** What all files of a download share. */
export interface BlobContext {
  readonly folder: RepoFolder;
  readonly commit: string;
  readonly settings: HubSettings;
  readonly signal: AbortSignal;
  readonly budget: Budget;
  readonly hasher: FileHasher;
  readonly pool: DirectPool;
  readonly meter: ProgressMeter;
  readonly retry: RetryOptions;
  /** Download it even if it is here. */
  readonly force: boolean;
}

/** The name of a file's blob, its size, and its Xet hash. */
export function identify({ blobId, size, lfsSha256, lfsSize, xetHash }: TreeFile): Omit<Blob, "files"> {
  if (lfsSha256 === undefined) return { etag: blobId, size, xetHash };
  return { etag: lfsSha256, size: lfsSize ?? size, xetHash };
}

/** Where a download keeps what it has until the blob is complete. Names that `hf cache prune` removes. */
export function partialPaths(blob: string): PartialPaths & { journal: string } {
  return { data: `${blob}.deadlift.incomplete`, journal: `${blob}.deadlift.map.incomplete` };
}

/**
 * Makes the files of a blob part of their snapshot. Throws IntegrityMismatch when what comes has another hash twice,
 * NoSpace, ReadOnlyCache, Aborted, and what `transfer` throws.
 */
export async function fetchBlob(blob: Blob, context: BlobContext): Promise<void> {
  const { folder, signal, meter } = context;
  const file = blob.files[0]!;
  const held = await lock(folder.lock(blob.etag), { signal, onWait: () => meter.stage("wait", file) });
  try {
    await fetchLocked(blob, context, held);
  } catch (error) {
    throw described(error, folder.blob(blob.etag));
  } finally {
    held?.release();
  }
  for (const done of blob.files) meter.finish(done);
}

/** Errors of the disk as ours. */
function described(error: unknown, path: string): unknown {
  const known = diskError(error, `write ${path}`);
  if (errnoOf(known) === undefined) return known;
  const { message } = error as Error;
  return new DeadliftError("FileUnreadable", `cannot write ${path}: ${message}; try again`, { cause: error });
}

/** Whoever had the lock before may have brought it. */
async function fetchLocked(blob: Blob, context: BlobContext, held: FileLock | undefined): Promise<void> {
  const { folder, commit, settings, force, signal } = context;
  const { etag, size, xetHash } = blob;
  const missing: string[] = [];
  for (const file of blob.files) {
    if (force || (await cachedFile(folder, commit, file))?.size !== size) missing.push(file);
  }
  if (missing.length === 0) return;
  const here = !force && (await cachedBlob(folder, etag))?.size === size;
  const reused = here || (!force && (await reuseSharedBlob({ settings, folder, etag, xetHash, size, signal })));
  if (!reused) await download(blob, context, held !== undefined);
  for (const [i, file] of missing.entries()) {
    // Without links, the blob itself becomes the last file, and others get copies.
    const newBlob = !reused && i === missing.length - 1;
    await linkSnapshot({ folder, commit, file, etag, newBlob, settings });
  }
}

async function download(blob: Blob, context: BlobContext, locked: boolean): Promise<void> {
  const { folder, force, meter } = context;
  const path = folder.blob(blob.etag);
  const data = `${path}.deadlift.${randomBytes(4).toString("hex")}.incomplete`;
  // Without a lock nobody can tell whether another process writes to the same file.
  const paths = locked ? partialPaths(path) : { data, journal: undefined };
  if (force && paths.journal) await Promise.all([rm(paths.journal, { force }), rm(paths.data, { force })]);
  for (let attempt = 0; ; attempt++) {
    const actual = await downloadOnce(blob, context, paths, attempt === 0);
    if (actual === undefined) return;
    if (attempt > 0) throw mismatch(blob, context, actual);
    meter.advance(blob.files[0]!, -blob.size);
  }
}

/** undefined when the blob is in its place; else the hash of what came, or "" if somebody removed it. */
async function downloadOnce(
  blob: Blob,
  context: BlobContext,
  paths: PartialPaths,
  mayVanish: boolean,
): Promise<string | undefined> {
  const partial = await Partial.open(paths, blob);
  let actual: string | undefined;
  try {
    actual = await fill(partial, blob, context);
  } finally {
    await partial.close();
    if (actual === undefined && paths.journal === undefined) await partial.remove();
  }
  if (actual !== blob.etag) {
    await partial.remove();
    return actual;
  }
  try {
    await partial.moveTo(context.folder.blob(blob.etag));
  } catch (error) {
    // `hf cache prune` asks nobody.
    if (errnoOf(error) !== "ENOENT" || !mayVanish) throw error;
    return "";
  }
  return undefined;
}

/** Downloads what is missing and hashes all of it meanwhile. */
async function fill(partial: Partial, blob: Blob, context: BlobContext): Promise<string> {
  const { folder, commit, settings, signal, budget, hasher, pool, meter, retry } = context;
  const file = blob.files[0]!;
  const start = () => {
    const { etag, size } = blob;
    return hasher.hash({ fd: partial.fd, etag, size, read: (into, position) => partial.read(into, position) });
  };
  const hashes: FileHash[] = [start()];
  const advance = () => hashes.at(-1)!.advance(partial.blocks.frontier);
  try {
    meter.stage("download", file);
    advance();
    await transfer({
      name: `${file} of ${folder.repo}`,
      source: new Source({ folder, commit, path: file, settings, pool }),
      partial,
      budget,
      chunkBytes: chunkBytes(blob.size, budget.connections),
      stallMs: settings.downloadTimeoutMs,
      retry,
      signal,
      onBytes: (bytes) => meter.advance(file, bytes),
      onWritten: advance,
      onRestart: () => hashes.push(start()),
    });
    meter.stage("verify", file);
    return await orAborted(signal, hashes.at(-1)!.digest());
  } finally {
    await Promise.all(hashes.map((hash) => hash.close()));
  }
}

function mismatch({ files, etag }: Blob, { folder, settings }: BlobContext, actual: string): DeadliftError {
  const name = etag.length === 64 ? "SHA-256" : "git SHA-1";
  return new DeadliftError(
    "IntegrityMismatch",
    `${files[0]} of ${folder.repo} came twice with the wrong content: expected ${name} ${etag}, received ${actual}; ` +
      `nothing of it was kept. A proxy between here and ${settings.endpoint} may have changed it, or its storage is damaged: try again later`,
  );
}

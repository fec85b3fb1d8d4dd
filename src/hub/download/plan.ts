// What of a commit's files is here, what has to come, and how much that is.

import { DeadliftError } from "../../error.js";
import type { TreeFile } from "../api.js";
import { cachedBlob, cachedFile, resolveFile } from "../cache/cached.js";
import type { RepoFolder } from "../cache/layout.js";
import { hasStore, storeEntry } from "../cache/shared_blobs.js";
import type { HubSettings } from "../settings.js";
import { type Blob, identify, partialPaths } from "./blob.js";
import { partialBytes } from "./partial.js";

/** A file that was chosen. */
export interface SnapshotFile {
  readonly path: string;
  readonly size: number;
  /** Its content was in the cache before. */
  readonly cached: boolean;
}

export interface Plan {
  readonly files: readonly SnapshotFile[];
  /** Contents that are no part of the snapshot yet, smallest first. */
  readonly missing: readonly PlannedBlob[];
}

export interface PlannedBlob extends Blob {
  /** All of it is in the cache. */
  readonly cached: boolean;
  /** Bytes of it that need not come. */
  readonly here: number;
}

export interface PlanRequest {
  readonly folder: RepoFolder;
  readonly commit: string;
  readonly chosen: readonly TreeFile[];
  readonly settings: HubSettings;
  readonly force: boolean;
  /** Files that were downloaded just now: they are here, and were not before. */
  readonly fetched: ReadonlySet<string>;
}

/** Looks at the cache; writes nothing. */
export async function makePlan(request: PlanRequest): Promise<Plan> {
  const { folder, commit, chosen, force, fetched } = request;
  const files: SnapshotFile[] = [];
  const missing = new Map<string, PlannedBlob & { files: string[] }>();
  for (const file of chosen) {
    const blob = identify(file);
    const isNew = fetched.has(file.path);
    const linked = (!force || isNew) && (await cachedFile(folder, commit, file.path))?.size === blob.size;
    const known = missing.get(blob.etag);
    const found = linked ? whole(blob) : (known ?? (await look(blob, request)));
    files.push({ path: file.path, size: blob.size, cached: found.cached && !isNew });
    if (linked) continue;
    if (known) known.files.push(file.path);
    else missing.set(blob.etag, { ...blob, ...found, files: [file.path] });
  }
  return { files, missing: [...missing.values()].sort((a, b) => a.size - b.size) };
}

type Found = Pick<PlannedBlob, "cached" | "here">;

function whole({ size }: Pick<Blob, "size">): Found {
  return { cached: true, here: size };
}

async function look(blob: Omit<Blob, "files">, { folder, settings, force }: PlanRequest): Promise<Found> {
  const { etag, size, xetHash } = blob;
  if (force) return { cached: false, here: 0 };
  if ((await cachedBlob(folder, etag))?.size === size) return whole(blob);
  const entry =
    settings.sharedBlobs && settings.symlinks && xetHash ? storeEntry(settings.cacheDir, xetHash) : undefined;
  if (entry && (await hasStore(settings.cacheDir)) && (await resolveFile(entry))?.size === size) return whole(blob);
  return { cached: false, here: await partialBytes(partialPaths(folder.blob(etag)), blob) };
}

/** The files of these names. Throws EntryNotFound naming one that the commit does not have. */
export function pick(files: readonly TreeFile[], paths: readonly string[], repo: string, commit: string): TreeFile[] {
  const byPath = new Map(files.map((file) => [file.path, file]));
  return [...new Set(paths)].map((path) => {
    const file = byPath.get(path);
    if (file) return file;
    throw new DeadliftError(
      "EntryNotFound",
      `${repo} has no file "${path}" at commit ${commit}; look at its list of files`,
    );
  });
}

// Which commit and files a revision stands for: from the Hub, or from the cache where the Hub may not or cannot be asked.

import { DeadliftError } from "../../error.js";
import { listTree, resolveRevision, type TreeFile } from "../api.js";
import { commitPattern, type RepoFolder } from "../cache/layout.js";
import { readTree } from "../cache/trees.js";
import type { RetryOptions } from "../http/retry.js";
import type { HubSettings } from "../settings.js";

export interface Listing {
  readonly commit: string;
  readonly files: readonly TreeFile[];
  /** The cache did not know these files. */
  readonly isNew: boolean;
}

export interface ListingRequest {
  readonly folder: RepoFolder;
  readonly revision: string;
  readonly settings: HubSettings;
  readonly signal: AbortSignal;
  readonly retry: RetryOptions;
}

/** Asks the Hub what the revision stands for, and for the files of a commit that the cache does not know yet. */
export async function askHub({ folder, revision, settings, signal, retry }: ListingRequest): Promise<Listing> {
  const { repo } = folder;
  const isCommit = commitPattern.test(revision);
  const commit = isCommit ? revision : await resolveRevision(repo, revision, settings, signal, retry);
  const known = await readTree(folder, commit);
  if (known) return { commit, files: known, isNew: false };
  return { commit, files: await listTree(repo, commit, settings, signal, retry), isNew: true };
}

/** Errors of the Hub that a complete cache makes up for, as in Python; the others would stay with any cache. */
const passing = [
  "Offline",
  "Unreachable",
  "HubFailed",
  "RateLimited",
  "RepoNotFound",
  "Gated",
  "Unauthorized",
  "Disabled",
];

export function mayUseCache(error: unknown): error is DeadliftError {
  return error instanceof DeadliftError && passing.includes(error.code);
}

/** Why the Hub is not asked at all. */
export function offline({ offlineSource }: HubSettings): DeadliftError {
  const why = offlineSource ?? "the option offline";
  return new DeadliftError("Offline", `${why} forbids the network; unset it to go online`);
}

/** What to throw when the Hub failed and the cache does not have everything either. */
export function whenBothFail(hub: DeadliftError, cache: unknown): unknown {
  if (!(cache instanceof DeadliftError) || cache.code !== "IncompleteSnapshot") return cache;
  // Who may not see the repository learns more from that than from the names of files.
  return ["Offline", "Unreachable", "HubFailed"].includes(hub.code) ? cache : hub;
}

/** Completes "the cache lacks ..." */
export function hubReason(hub: DeadliftError): string {
  return `the Hub cannot be asked (${hub.message})`;
}

/** The error for a revision that the cache knows nothing of; `hub` says why the Hub was no help. */
export function nothingCached(repo: string, revision: string, hub: DeadliftError): DeadliftError {
  if (hub.code !== "Offline") return hub;
  const what = `the cache has nothing of ${repo} at revision "${revision}"`;
  return new DeadliftError("Offline", `${what}, and ${hub.message}`, { cause: hub });
}

// Removes repositories and revisions from the cache: exactly what nothing else uses, and nothing outside of it.

import { DeadliftError, expected } from "../../error.js";
import { type CacheOptions, cacheDirOf, checkCacheOptions, checkFlag } from "./cache_options.js";
import { type CacheRemoval, Removal } from "./removal.js";
import { removeRepo } from "./remove_repo.js";
import { removeRevisions } from "./remove_revisions.js";
import { type CacheListing, scanCache } from "./scan.js";
import { findTargets, type Target } from "./targets.js";

export interface RemoveOptions extends CacheOptions {
  /** Only say what would be removed. */
  readonly dryRun?: boolean;
}

/**
 * Removes what `targets` name: "org/name", "org/name@revision", "dataset/org/name", a commit or at least 6 digits of one. With
 * its last revision a repository goes as a whole. What another process is downloading stays, and is among `kept`. Nothing is
 * removed when one of the targets is not there. Throws RepoNotFound, RevisionNotFound, InvalidArgument, UnknownOption, ReadOnlyCache.
 */
export async function removeFromCache(
  targets: string | readonly string[],
  options: RemoveOptions = {},
): Promise<CacheRemoval> {
  checkCacheOptions("removeFromCache", options, ["dryRun"]);
  checkFlag("dryRun", options.dryRun);
  const names = typeof targets === "string" ? [targets] : targets;
  if (!Array.isArray(names) || names.length === 0) {
    throw new DeadliftError("InvalidArgument", expected("at least one name", "targets", targets));
  }
  const listing = await scanCache(cacheDirOf(options));
  const removal = new Removal(listing.path, options.dryRun ?? false);
  for (const target of await findTargets(listing, names)) await removeTarget(removal, listing, target);
  return removal.finish();
}

export async function removeTarget(removal: Removal, listing: CacheListing, target: Target): Promise<void> {
  if (target.whole) return removeRepo(removal, target);
  const repo = listing.repos.find(({ path }) => path === target.path)!;
  return removeRevisions(removal, repo, [...target.revisions]);
}

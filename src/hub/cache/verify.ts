// Compares the files in the cache with the hashes that the Hub stated for them.

import { DeadliftError } from "../../error.js";
import type { TreeFile } from "../api.js";
import { type CacheOptions, cacheDirOf, checkCacheOptions } from "./cache_options.js";
import { errnoOf } from "./disk_error.js";
import { type HashAlgorithm, hashFile } from "./hash_file.js";
import type { RepoType } from "./layout.js";
import { planRevision, type RevisionPlan } from "./verify_plan.js";
import { findSnapshots } from "./verify_snapshots.js";

export interface VerifyOptions extends CacheOptions {
  /** "org/name", "org/name@revision" or "dataset/org/name"; default: all there is. */
  readonly repo?: string;
  /** Branch, tag, commit or its start; default: all revisions. */
  readonly revision?: string;
  /** The files of a commit as the Hub lists them now; default: as the cache knows them, or by the names of the blobs. */
  readonly remote?: (repo: string, commit: string) => Promise<readonly TreeFile[]> | readonly TreeFile[];
  readonly onProgress?: (progress: VerifyProgress) => void;
  readonly signal?: AbortSignal;
}

export interface VerifyProgress {
  readonly repo: string;
  readonly commit: string;
  readonly file: string;
  /** Hashed so far, of all files. */
  readonly bytes: number;
  readonly totalBytes: number;
}

export interface Mismatch {
  readonly path: string;
  readonly expected: string;
  readonly actual: string;
  readonly algorithm: HashAlgorithm;
}

export interface VerifiedRevision {
  readonly repo: string;
  readonly type: RepoType;
  readonly commit: string;
  /** Its snapshot folder. */
  readonly path: string;
  /** Files whose hash was compared. */
  readonly checked: number;
  readonly mismatches: readonly Mismatch[];
  /** Files of the commit that are not here, and links to nothing. A model that was loaded needs not have all. */
  readonly missing: readonly string[];
  /** Files that the commit does not have. */
  readonly extra: readonly string[];
  /** Files without a known hash, and those that cannot be read. */
  readonly unverifiable: readonly string[];
}

export interface CacheVerification {
  readonly revisions: readonly VerifiedRevision[];
  /** No file differs from what the Hub stated. */
  readonly ok: boolean;
  readonly checked: number;
  /** Hashed: a blob that several revisions have is read once. */
  readonly bytes: number;
}

/**
 * Hashes what the cache has of a repository, or of all, and compares. Nothing is changed, and without `remote` nobody is asked.
 * Throws RepoNotFound, RevisionNotFound, InvalidArgument, UnknownOption, Aborted.
 */
export async function verifyCache(options: VerifyOptions = {}): Promise<CacheVerification> {
  checkCacheOptions("verifyCache", options, ["repo", "revision", "remote", "onProgress", "signal"]);
  const { repo, revision, remote, signal } = options;
  const snapshots = await findSnapshots(cacheDirOf(options), repo, revision);
  const plans: RevisionPlan[] = [];
  for (const snapshot of snapshots) {
    if (signal?.aborted)
      throw new DeadliftError("Aborted", "stopped before the first file was read", { cause: signal.reason });
    plans.push(await planRevision(snapshot, await remote?.(snapshot.repo, snapshot.commit)));
  }
  const hasher = new Hasher(plans, options);
  const revisions: VerifiedRevision[] = [];
  for (const plan of plans) revisions.push(await verifyRevision(plan, hasher));
  return {
    revisions,
    ok: revisions.every(({ mismatches }) => mismatches.length === 0),
    checked: revisions.reduce((total, { checked }) => total + checked, 0),
    bytes: hasher.bytes,
  };
}

async function verifyRevision(plan: RevisionPlan, hasher: Hasher): Promise<VerifiedRevision> {
  const { repo, type, commit, path } = plan.snapshot;
  const mismatches: Mismatch[] = [];
  const unverifiable = [...plan.unverifiable];
  let checked = 0;
  for (const { path: file, real, expected, algorithm } of plan.checks) {
    const actual = await hasher.hash({ repo, commit, file, real, algorithm });
    if (actual === undefined) unverifiable.push(file);
    else checked++;
    if (actual !== undefined && actual !== expected) mismatches.push({ path: file, expected, actual, algorithm });
  }
  return { repo, type, commit, path, checked, mismatches, missing: plan.missing, extra: plan.extra, unverifiable };
}

interface HashedFile {
  readonly repo: string;
  readonly commit: string;
  readonly file: string;
  readonly real: string;
  readonly algorithm: HashAlgorithm;
}

/** Hashes each file once, and tells how far it is. */
class Hasher {
  bytes = 0;
  readonly #totalBytes: number;
  readonly #known = new Map<string, string | undefined>();
  readonly #options: VerifyOptions;

  constructor(plans: readonly RevisionPlan[], options: VerifyOptions) {
    this.#options = options;
    const sizes = plans.flatMap(({ checks }) =>
      checks.map(({ real, algorithm, size }) => [real + algorithm, size] as const),
    );
    this.#totalBytes = [...new Map(sizes).values()].reduce((total, size) => total + size, 0);
  }

  /** undefined: it cannot be read. */
  async hash({ repo, commit, file, real, algorithm }: HashedFile): Promise<string | undefined> {
    const key = real + algorithm;
    if (this.#known.has(key)) return this.#known.get(key);
    const { onProgress, signal } = this.#options;
    const onBytes = (bytes: number) => {
      this.bytes += bytes;
      onProgress?.({ repo, commit, file, bytes: this.bytes, totalBytes: this.#totalBytes });
    };
    let hash: string | undefined;
    try {
      hash = await hashFile(real, algorithm, { signal, onBytes });
    } catch (error) {
      const gone = error instanceof DeadliftError && error.code === "Truncated";
      if (errnoOf(error) === undefined && !gone) throw error;
    }
    this.#known.set(key, hash);
    return hash;
  }
}

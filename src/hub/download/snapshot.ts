// Brings the chosen files of a revision into the cache, as a snapshot folder that Python's huggingface_hub finds, too.

import { DeadliftError, expected } from "../../error.js";
import { cachedFile } from "../cache/cached.js";
import { RepoFolder } from "../cache/layout.js";
import { markMissing } from "../cache/no_exist.js";
import { askText } from "../http/rest.js";
import { type RetryOptions, retryAdvice } from "../http/retry.js";
import type { HubSettings } from "../settings.js";
import { fetchBlob } from "./blob.js";
import { Budget } from "./budget.js";
import { type CachedCommit, type Choose, cachedCommit, chooseCached, readText } from "./cached_snapshot.js";
import { DirectPool } from "./direct_pool.js";
import { FileHasher } from "./hash.js";
import { LinkedAbort } from "./linked_abort.js";
import { askHub, hubReason, type Listing, mayUseCache, nothingCached, offline, whenBothFail } from "./listing.js";
import { makePlan, type Plan, pick, type SnapshotFile } from "./plan.js";
import { prepareRepo, remember } from "./prepare.js";
import { type DownloadProgress, ProgressMeter } from "./progress.js";
import { resolveUrl } from "./source.js";
import { checkSpace } from "./space.js";

export interface SnapshotRequest {
  readonly repo: string;
  readonly revision: string;
  /** Which files, of those there are. May ask for the text of small ones first, and may be called twice. */
  readonly choose: Choose;
  readonly settings: HubSettings;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: DownloadProgress) => void;
  /** Of all files together; default 8. */
  readonly connections?: number;
  /** Download again what is here. */
  readonly force?: boolean;
  /** Only say what would be done. */
  readonly dryRun?: boolean;
  /** For tests: other waits. */
  readonly retry?: RetryOptions;
}

export interface Snapshot {
  readonly repo: string;
  readonly revision: string;
  readonly commit: string;
  /** The snapshot folder; nothing is there after a dry run of something new. */
  readonly path: string;
  /** Those chosen. */
  readonly files: readonly string[];
  /** The same with sizes. */
  readonly entries: readonly SnapshotFile[];
  /** Bytes that came over the network. */
  readonly downloadedBytes: number;
}

const defaultConnections = 8;
export const maxConnections = 64;

/**
 * Online: revision, commit, files, then only what is missing. Offline, or when the Hub fails: from the cache if it has
 * every chosen file. Throws RepoNotFound, Gated, RevisionNotFound, EntryNotFound, Offline, Unreachable, IncompleteSnapshot,
 * IntegrityMismatch, NoSpace, ReadOnlyCache, UnsafeFileName, Aborted, and what `choose` throws.
 */
export async function fetchSnapshot(request: SnapshotRequest): Promise<Snapshot> {
  const fetch = new SnapshotFetch(request);
  try {
    return await fetch.run();
  } finally {
    await fetch.end();
  }
}

class SnapshotFetch {
  readonly #folder: RepoFolder;
  readonly #meter: ProgressMeter;
  readonly #budget: Budget;
  readonly #hasher = new FileHasher();
  readonly #pool = new DirectPool();
  readonly #stop: LinkedAbort;
  readonly #fetched = new Set<string>();
  #prepared: Promise<void> | undefined;

  constructor(private readonly request: SnapshotRequest) {
    const { repo, settings, connections = defaultConnections, onProgress, signal } = request;
    if (!Number.isInteger(connections) || connections < 1 || connections > maxConnections) {
      throw new DeadliftError("InvalidArgument", expected(`1 to ${maxConnections}`, "connections", connections));
    }
    this.#folder = new RepoFolder(settings, repo);
    this.#folder.ref(request.revision);
    this.#meter = new ProgressMeter(repo, onProgress);
    this.#budget = new Budget(connections);
    this.#stop = new LinkedAbort(signal);
  }

  async run(): Promise<Snapshot> {
    this.#stop.check();
    this.#meter.stage("resolve");
    const { revision, settings, force = false } = this.request;
    const known = await cachedCommit(this.#folder, revision);
    // A cache that may have everything is not kept waiting for a Hub that does not answer.
    const hub = await this.#ask(known && !force ? { retries: 0 } : {});
    if (!(hub instanceof DeadliftError)) return this.#online(hub);
    if (!known) throw nothingCached(this.request.repo, revision, hub);
    if (force) throw hub;
    try {
      return await this.#cached(known, hub);
    } catch (error) {
      if (settings.offline || !retryAdvice(hub)) throw whenBothFail(hub, error);
      const again = await this.#ask({});
      if (again instanceof DeadliftError) throw whenBothFail(again, error);
      return this.#online(again);
    }
  }

  async end(): Promise<void> {
    this.#stop.unlink();
    this.#pool.close();
    await this.#hasher.close();
  }

  /** What the Hub says, or why it says nothing that the cache could not make up for. */
  async #ask(retry: RetryOptions): Promise<Listing | DeadliftError> {
    const { revision, settings, retry: given } = this.request;
    const signal = this.#stop.signal;
    if (settings.offline) return offline(settings);
    try {
      return await askHub({ folder: this.#folder, revision, settings, signal, retry: { ...given, ...retry } });
    } catch (error) {
      if (mayUseCache(error)) return error;
      throw error;
    }
  }

  async #cached(known: CachedCommit, hub: DeadliftError): Promise<Snapshot> {
    const entries = await chooseCached(this.#folder, known, this.request.choose, hubReason(hub));
    for (const { path, size } of entries) this.#meter.add(path, size, size);
    for (const { path } of entries) this.#meter.finish(path);
    return this.#done(known.commit, entries);
  }

  async #online(listing: Listing): Promise<Snapshot> {
    const { choose, dryRun = false } = this.request;
    const { commit, files } = listing;
    const chosen = await choose(files, (path) => this.#read(path, listing));
    const plan = await this.#plan(chosen, listing);
    if (!dryRun) await this.#fetch(plan, listing);
    return this.#done(commit, plan.files);
  }

  async #plan(paths: readonly string[], { commit, files }: Listing): Promise<Plan> {
    const { settings, force = false, dryRun = false } = this.request;
    const folder = this.#folder;
    const present = new Set(files.map(({ path }) => path));
    for (const path of dryRun ? [] : paths.filter((wanted) => !present.has(wanted))) {
      // What cannot be remembered is asked for again.
      await markMissing(folder, commit, path).catch(() => {});
    }
    return makePlan({
      folder,
      commit,
      chosen: pick(files, paths, folder.repo, commit),
      settings,
      force,
      fetched: this.#fetched,
    });
  }

  async #fetch({ files, missing }: Plan, listing: Listing): Promise<void> {
    const { commit } = listing;
    const folder = this.#folder;
    const here = new Map(missing.flatMap((blob) => blob.files.map((path) => [path, blob.here] as const)));
    for (const { path, size } of files) this.#meter.add(path, size, here.get(path) ?? size);
    if (missing.length > 0) {
      const bytes = missing.reduce((sum, { size, here }) => sum + size - here, 0);
      await checkSpace(folder.blobs, bytes, folder.repo);
      await this.#prepare(listing);
    } else await this.#remember(listing);
    for (const { path } of files) if (!here.has(path)) this.#meter.finish(path);
    const { settings, retry = {}, force = false } = this.request;
    const { signal } = this.#stop;
    const shared = { folder, commit, settings, signal, retry, force };
    const tools = { budget: this.#budget, hasher: this.#hasher, pool: this.#pool, meter: this.#meter };
    const context = { ...shared, ...tools };
    const queue = missing[Symbol.iterator]();
    const worker = async () => {
      for (const blob of queue) {
        this.#stop.check();
        await fetchBlob(blob, context);
      }
    };
    await this.#stop.all(Array.from({ length: this.#budget.connections }, worker));
    for (const path of here.keys()) this.#fetched.add(path);
  }

  /** The text of a small file that the choice depends on: brought into the cache, or only looked at in a dry run. */
  async #read(path: string, listing: Listing): Promise<string> {
    const { commit } = listing;
    const { settings, dryRun = false, force = false, retry } = this.request;
    const folder = this.#folder;
    if (dryRun) {
      const found = force ? undefined : await cachedFile(folder, commit, path);
      if (found) return readText(found.path);
      const url = resolveUrl({ folder, commit, path, settings });
      const about = { repo: folder.repo, revision: commit, file: path };
      return (await askText({ url, signal: this.#stop.signal }, about, settings, retry)).text;
    }
    await this.#fetch(await this.#plan([path], listing), listing);
    return readText((await cachedFile(folder, commit, path))!.path);
  }

  #prepare(listing: Listing): Promise<void> {
    const { settings } = this.request;
    this.#prepared ??= prepareRepo(this.#folder, listing.commit, settings).then(() => this.#remember(listing));
    return this.#prepared;
  }

  #remember({ commit, files, isNew }: Listing): Promise<void> {
    return remember(this.#folder, { revision: this.request.revision, commit, files: isNew ? files : undefined });
  }

  #done(commit: string, entries: readonly SnapshotFile[]): Snapshot {
    const { repo, revision } = this.request;
    this.#meter.stage("done");
    return {
      repo,
      revision,
      commit,
      path: this.#folder.snapshot(commit),
      files: entries.map(({ path }) => path),
      entries,
      downloadedBytes: this.#meter.received,
    };
  }
}

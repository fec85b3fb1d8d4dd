// What the Hub says about a repository's revisions and files, checked field by field.

import { DeadliftError } from "../error.js";
import { checkFileName } from "./file_names.js";
import { commitOf, countOf, fieldsOf, fromHub, listFromHub, nonsense } from "./http/answers.js";
import { huggingfaceHub } from "./http/huggingface_hub.js";
import { hubFetch } from "./http/rest.js";
import type { RetryOptions } from "./http/retry.js";
import { checkRepo, checkRevision } from "./names.js";
import type { HubSettings } from "./settings.js";

export interface TreeFile {
  readonly path: string;
  /** Bytes of the file itself. */
  readonly size: number;
  /** git sha1 of the file, or of its pointer if it is stored with LFS. */
  readonly blobId: string;
  readonly lfsSha256?: string;
  readonly lfsSize?: number;
  readonly xetHash?: string;
}

/** The largest repositories of models have some thousands. */
const maxFiles = 100_000;
const sha1 = /^[0-9a-f]{40}$/;
const sha256 = /^[0-9a-f]{64}$/;

/** The commit a revision stands for. Throws RepoNotFound, Gated, RevisionNotFound, Offline, Unreachable, ... */
export async function resolveRevision(
  repo: string,
  revision: string,
  settings: HubSettings,
  signal?: AbortSignal,
  retry?: RetryOptions,
): Promise<string> {
  checkRepo(repo);
  checkRevision(revision);
  const { modelInfo } = await huggingfaceHub();
  const about = { repo, revision };
  const fetch = hubFetch(about, settings, { signal, retry });
  const query = { name: repo, revision, hubUrl: settings.endpoint, fetch, additionalFields: ["sha" as const] };
  const info = await fromHub(modelInfo(query), repo);
  return commitOf(info.sha, `revision "${revision}" of ${repo}`);
}

/**
 * All files of a commit, in the Hub's order. Throws UnsafeFileName for a name that could do harm, HubFailed for hashes
 * and sizes that make no sense, LimitExceeded for more than 100,000 files.
 */
export async function listTree(
  repo: string,
  commit: string,
  settings: HubSettings,
  signal?: AbortSignal,
  retry?: RetryOptions,
): Promise<TreeFile[]> {
  checkRepo(repo);
  checkRevision(commit);
  const { listFiles } = await huggingfaceHub();
  const fetch = hubFetch({ repo, revision: commit }, settings, { signal, retry });
  const entries = listFiles({
    repo: { type: "model", name: repo },
    recursive: true,
    // The package puts it into the path as it is.
    revision: encodeURIComponent(commit),
    hubUrl: settings.endpoint,
    fetch,
  });
  const files: TreeFile[] = [];
  const paths = new Set<string>();
  const folders = new Set<string>();
  for await (const entry of listFromHub<unknown>(entries, repo)) {
    const file = readEntry(entry, repo);
    if (!file) continue;
    if (files.length === maxFiles) {
      throw new DeadliftError("LimitExceeded", `expected at most ${maxFiles} files in ${repo}, received more`);
    }
    if (paths.has(file.path)) throw nonsense("every file once", `the files of ${repo}`, file.path);
    paths.add(file.path);
    for (let end = file.path.indexOf("/"); end !== -1; end = file.path.indexOf("/", end + 1)) {
      folders.add(file.path.slice(0, end));
    }
    files.push(file);
  }
  const both = files.find((file) => folders.has(file.path));
  if (both) throw nonsense("a file or a folder", `"${both.path}" of ${repo}`, "both");
  return files;
}

/** undefined: a folder, or something that is no file. */
function readEntry(entry: unknown, repo: string): TreeFile | undefined {
  const { type, path, size, oid, lfs, xetHash } = fieldsOf(entry, `an entry of ${repo}`);
  if (type !== "file") return undefined;
  if (typeof path !== "string") throw nonsense("a path", `a file of ${repo}`, path);
  checkFileName(path, repo);
  const where = `${path} of ${repo}`;
  return {
    path,
    size: countOf(size, where),
    blobId: readHash(oid, sha1, where),
    ...(lfs !== undefined && lfs !== null && readLfs(lfs, where)),
    ...(xetHash !== undefined && xetHash !== null && { xetHash: readHash(xetHash, sha256, where) }),
  };
}

function readLfs(lfs: unknown, where: string): { lfsSha256: string; lfsSize: number } {
  const { oid, size } = fieldsOf(lfs, where);
  return { lfsSha256: readHash(oid, sha256, where), lfsSize: countOf(size, where) };
}

function readHash(value: unknown, pattern: RegExp, where: string): string {
  if (typeof value === "string" && pattern.test(value)) return value;
  throw nonsense(pattern === sha1 ? "a hash of 40 hex digits" : "a hash of 64 hex digits", where, value);
}

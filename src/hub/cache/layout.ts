// Where the things of a repository are in the cache: the paths that Python's huggingface_hub uses, and no others.

import { join } from "node:path";
import { DeadliftError, expected } from "../../error.js";
import { checkFileName } from "../file_names.js";
import { checkRepo, checkRevision } from "../names.js";
import type { HubSettings } from "../settings.js";

/** A commit id. */
export const commitPattern: RegExp = /^[0-9a-f]{40}$/;
/** The name of a blob: git's SHA-1 of a small file, the SHA-256 of a large one. */
export const etagPattern: RegExp = /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/;

export type RepoType = "model" | "dataset" | "space" | "kernel";
export const repoTypes: readonly RepoType[] = ["model", "dataset", "space", "kernel"];

/** "dataset/org/name", or "datasets/org/name", as a type and an id; undefined: no type is named. */
export function cutType(name: string): { type: RepoType; id: string } | undefined {
  const [first = "", ...rest] = name.split("/");
  const type = repoTypes.find((one) => first === one || first === `${one}s`);
  return type && rest.length > 0 ? { type, id: rest.join("/") } : undefined;
}

/** The folder of one repository in the cache. Every path it gives lies in the cache folder, whatever it is asked for. */
export class RepoFolder {
  /** Its folder's name, "models--org--name". */
  readonly name: string;
  readonly path: string;
  readonly #locks: string;

  /** Throws InvalidArgument for what cannot be a repository's id. */
  constructor(
    settings: Pick<HubSettings, "cacheDir">,
    readonly repo: string,
    readonly type: RepoType = "model",
  ) {
    checkRepo(repo);
    this.name = `${type}s--${repo.replaceAll("/", "--")}`;
    this.path = join(settings.cacheDir, this.name);
    this.#locks = join(settings.cacheDir, ".locks", this.name);
  }

  get blobs(): string {
    return join(this.path, "blobs");
  }

  get snapshots(): string {
    return join(this.path, "snapshots");
  }

  get refs(): string {
    return join(this.path, "refs");
  }

  blob(etag: string): string {
    return join(this.blobs, checkEtag(etag));
  }

  /** The snapshot of a commit, or a file in it. Throws InvalidArgument, UnsafeFileName. */
  snapshot(commit: string, file?: string): string {
    return this.#file("snapshots", commit, file);
  }

  /** The file that holds the commit of a branch or tag. Throws InvalidArgument. */
  ref(revision: string): string {
    checkRevision(revision);
    return join(this.refs, ...revision.split("/"));
  }

  noExist(commit: string, file?: string): string {
    return this.#file(".no_exist", commit, file);
  }

  tree(commit: string): string {
    return join(this.path, "trees", `${checkCommit(commit)}.json`);
  }

  lock(etag: string): string {
    return join(this.#locks, `${checkEtag(etag)}.lock`);
  }

  #file(room: string, commit: string, file: string | undefined): string {
    const folder = join(this.path, room, checkCommit(commit));
    if (file === undefined) return folder;
    checkFileName(file, this.repo);
    return join(folder, ...file.split("/"));
  }
}

function checkCommit(commit: string): string {
  if (commitPattern.test(commit)) return commit;
  throw new DeadliftError("InvalidArgument", expected("40 hexadecimal digits", "commit", commit));
}

function checkEtag(etag: string): string {
  if (etagPattern.test(etag)) return etag;
  throw new DeadliftError("InvalidArgument", expected("40 or 64 hexadecimal digits", "etag", etag));
}

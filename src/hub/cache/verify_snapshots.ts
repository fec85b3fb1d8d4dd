// Finds the snapshots to verify, also those of a repository that the listing calls corrupt.

import { realpath, stat } from "node:fs/promises";
import { join } from "node:path";
import { DeadliftError } from "../../error.js";
import { cutType, RepoFolder, type RepoType } from "./layout.js";
import { readRef } from "./refs.js";
import { cacheNames, realCache } from "./scan.js";
import { CorruptRepo, entriesOf, readRepoName, systemFiles } from "./scan_repo.js";

export interface Snapshot {
  readonly repo: string;
  readonly type: RepoType;
  readonly commit: string;
  readonly path: string;
  readonly repoPath: string;
}

type Found = Pick<Snapshot, "repo" | "type" | "repoPath">;

/** Throws RepoNotFound, RevisionNotFound, InvalidArgument. */
export async function findSnapshots(cacheDir: string, name?: string, revision?: string): Promise<Snapshot[]> {
  const root = await realCache(cacheDir);
  if (name === undefined) {
    if (revision !== undefined) {
      throw new DeadliftError("InvalidArgument", "a revision belongs to a repository: give the option repo, too");
    }
    const all = root === undefined ? [] : await allRepos(root);
    return (await Promise.all(all.map(snapshotsOf))).flat();
  }
  const cut = name.indexOf("@");
  const id = cut === -1 ? name : name.slice(0, cut);
  const wanted = revision ?? (cut === -1 ? undefined : name.slice(cut + 1));
  const repo = await findRepo(root ?? cacheDir, id);
  const snapshots = await snapshotsOf(repo);
  return wanted === undefined ? snapshots : [await findSnapshot(root ?? cacheDir, repo, snapshots, wanted)];
}

async function allRepos(root: string): Promise<Found[]> {
  const repos: Found[] = [];
  for (const name of await cacheNames(root)) {
    try {
      const { id: repo, type } = readRepoName(join(root, name));
      repos.push({ repo, type, repoPath: join(root, name) });
    } catch (error) {
      if (!(error instanceof CorruptRepo)) throw error;
    }
  }
  return repos.sort((a, b) => (a.repoPath < b.repoPath ? -1 : 1));
}

async function findRepo(root: string, name: string): Promise<Found> {
  const typed = cutType(name);
  const candidates = [{ type: "model" as RepoType, id: name }, ...(typed ? [typed] : [])];
  for (const { type, id: repo } of candidates) {
    if (repo.split("/").length > 2) continue;
    const { path } = new RepoFolder({ cacheDir: root }, repo, type);
    const repoPath = await realpath(path).catch(() => undefined);
    if (repoPath !== undefined) return { repo, type, repoPath };
  }
  throw new DeadliftError(
    "RepoNotFound",
    `the cache ${root} has nothing of "${name}"; \`deadlift cache ls\` lists what it has`,
  );
}

async function snapshotsOf(repo: Found): Promise<Snapshot[]> {
  const folder = join(repo.repoPath, "snapshots");
  const snapshots: Snapshot[] = [];
  for (const { name: commit } of await entriesOf(folder)) {
    const path = join(folder, commit);
    const found = await stat(path).catch(() => undefined);
    if (found?.isDirectory() && !systemFiles.has(commit)) snapshots.push({ ...repo, commit, path });
  }
  return snapshots.sort((a, b) => (a.commit < b.commit ? -1 : 1));
}

async function findSnapshot(
  root: string,
  { repo, type }: Found,
  snapshots: readonly Snapshot[],
  revision: string,
): Promise<Snapshot> {
  const commit = await readRef(new RepoFolder({ cacheDir: root }, repo, type), revision);
  const exact = snapshots.find((one) => one.commit === commit);
  if (exact) return exact;
  const start = revision.toLowerCase();
  const fitting = /^[0-9a-f]{6,39}$/.test(start) ? snapshots.filter((one) => one.commit.startsWith(start)) : [];
  if (fitting.length === 1) return fitting[0]!;
  const those = snapshots.map((one) => one.commit.slice(0, 12)).join(", ") || "none";
  const what = fitting.length > 1 ? "several revisions that start with" : "no revision";
  throw new DeadliftError("RevisionNotFound", `the cache has ${what} "${revision}" of ${repo}; its commits: ${those}`);
}

// What people name when they remove something from the cache: repositories, revisions, commits.

import { lstat } from "node:fs/promises";
import { DeadliftError, expected } from "../../error.js";
import { checkRepo, checkRevision } from "../names.js";
import { cutType, RepoFolder, type RepoType } from "./layout.js";
import type { CacheListing } from "./scan.js";
import type { CachedRepo, CachedRevision } from "./scan_repo.js";

/** Revisions of one repository. */
export interface Target {
  readonly id: string;
  readonly type: RepoType;
  readonly path: string;
  readonly revisions: ReadonlySet<CachedRevision>;
  /** All there is: the folder itself goes. */
  readonly whole: boolean;
}

/** Shorter ones would often fit by chance. */
const leastPrefix = 6;
const prefixPattern = /^[0-9a-f]{6,40}$/i;

/**
 * What the names stand for: "org/name", "org/name@revision", "dataset/org/name", a commit or the start of one, each also after
 * "hf://". Throws InvalidArgument for what names nothing or several things, RepoNotFound, RevisionNotFound.
 */
export async function findTargets(listing: CacheListing, names: readonly string[]): Promise<Target[]> {
  const chosen = new Map<string, Target>();
  for (const name of names) {
    const target = await findTarget(listing, name);
    const other = chosen.get(target.path);
    chosen.set(target.path, other ? union(other, target) : target);
  }
  return [...chosen.values()].map((target) => {
    const repo = listing.repos.find(({ path }) => path === target.path);
    return repo && target.revisions.size === repo.revisions.length ? { ...target, whole: true } : target;
  });
}

/** The repository that a name without revision stands for, with all its revisions. */
export function wholeRepo(repo: CachedRepo): Target {
  const { id, type, path, revisions } = repo;
  return { id, type, path, revisions: new Set(revisions), whole: true };
}

function someRevisions(repo: CachedRepo, revisions: readonly CachedRevision[]): Target {
  return { ...wholeRepo(repo), revisions: new Set(revisions), whole: false };
}

function union(one: Target, other: Target): Target {
  return { ...one, revisions: new Set([...one.revisions, ...other.revisions]), whole: one.whole || other.whole };
}

async function findTarget(listing: CacheListing, name: string): Promise<Target> {
  if (typeof name !== "string" || name.trim() === "") {
    throw new DeadliftError("InvalidArgument", expected('a name as "org/name" or a commit', "what to remove", name));
  }
  const plain = name.trim().replace(/^hf:\/\//, "");
  const [id = "", revision] = cutRevision(plain);
  const repo = findRepo(listing, id);
  if (repo) return revision === undefined ? wholeRepo(repo) : someRevisions(repo, [findRevision(repo, revision)]);
  if (prefixPattern.test(plain)) return findCommit(listing, plain);
  const corrupt = revision === undefined ? await findCorrupt(listing, id) : undefined;
  if (corrupt) return corrupt;
  throw notFound(listing, name, id);
}

function cutRevision(name: string): [string, string | undefined] {
  const at = name.indexOf("@");
  return at === -1 ? [name, undefined] : [name.slice(0, at), name.slice(at + 1)];
}

/** "model/org/name", or without a type a model: as it is written, else without regard to case, as in Python. */
export function findRepo(listing: CacheListing, name: string): CachedRepo | undefined {
  const typed = cutType(name);
  const exact = (one: CachedRepo, type: RepoType, id: string) => one.type === type && one.id === id;
  const alike = (one: CachedRepo, type: RepoType, id: string) => exact({ ...one, id: one.id.toLowerCase() }, type, id);
  const among = (fits: typeof exact, id: string) =>
    listing.repos.find((one) => fits(one, "model", id)) ??
    (typed && listing.repos.find((one) => fits(one, typed.type, id.slice(-typed.id.length))));
  return among(exact, name) ?? among(alike, name.toLowerCase());
}

/** By branch, tag, commit or its start. */
export function findRevision(repo: CachedRepo, name: string): CachedRevision {
  checkRevision(name);
  const known = repo.revisions.find(({ refs, commit }) => refs.includes(name) || commit === name);
  if (known) return known;
  const start = name.toLowerCase();
  const fitting = prefixPattern.test(name) ? repo.revisions.filter(({ commit }) => commit.startsWith(start)) : [];
  if (fitting.length === 1) return fitting[0]!;
  const those = repo.revisions.map(({ commit, refs }) => [...refs, commit.slice(0, 12)].join(" = ")).join(", ");
  if (fitting.length > 1)
    throw new DeadliftError("InvalidArgument", `"${name}" fits several revisions of ${repo.id}: ${those}`);
  throw new DeadliftError(
    "RevisionNotFound",
    `the cache has no revision "${name}" of ${repo.id}; it has ${those || "none"}`,
  );
}

function findCommit(listing: CacheListing, prefix: string): Target {
  const start = prefix.toLowerCase();
  const fitting = listing.repos.flatMap((repo) =>
    repo.revisions.filter(({ commit }) => commit.startsWith(start)).map((revision) => ({ repo, revision })),
  );
  const [only] = fitting;
  if (only && fitting.length === 1) return someRevisions(only.repo, [only.revision]);
  if (!only) throw new DeadliftError("RevisionNotFound", `the cache has no commit that starts with ${prefix}`);
  const those = fitting.map(({ repo, revision }) => `${repo.type}/${repo.id}@${revision.commit.slice(0, 12)}`);
  throw new DeadliftError("InvalidArgument", `"${prefix}" fits several commits: ${those.join(", ")}; name one of them`);
}

/** A repository whose folder cannot be counted, so that only all of it can go. */
async function findCorrupt(listing: CacheListing, name: string): Promise<Target | undefined> {
  const { type, id } = cutType(name) ?? { type: "model" as const, id: name };
  try {
    checkRepo(id);
  } catch {
    return undefined;
  }
  const { path } = new RepoFolder({ cacheDir: listing.path }, id, type);
  const found = await lstat(path).catch(() => undefined);
  return found ? { id, type, path, revisions: new Set(), whole: true } : undefined;
}

function notFound(listing: CacheListing, name: string, id: string): DeadliftError {
  const other = listing.repos.find((one) => one.id.toLowerCase() === id.toLowerCase());
  const advice = other
    ? `there is a ${other.type} of that name: "${other.type}/${other.id}"`
    : `expected "org/name", "org/name@revision", "dataset/org/name" or at least ${leastPrefix} digits of a commit`;
  return new DeadliftError("RepoNotFound", `${listing.path} has nothing called "${name}"; ${advice}`);
}

// The API's listings of a repository's inside: tree, paths-info, refs and commits.

import { answerJson, type Exchange } from "./answer.js";
import { badRequest, entryNotFound } from "./errors.js";
import { type Page, pageOf } from "./pages.js";
import { type Commit, type Repository, sha1 } from "./repos.js";

interface Folder {
  path: string;
  last: Commit;
}

async function fileEntry(repo: Repository, commit: Commit, path: string, expand: boolean): Promise<object> {
  const { blob, last } = commit.files.get(path)!;
  const hashes = await blob.hashes();
  return {
    type: "file",
    oid: blob.lfs ? hashes.pointerSha1 : hashes.gitSha1,
    size: blob.size,
    ...(blob.lfs && { lfs: { oid: hashes.sha256, size: blob.size, pointerSize: hashes.pointerSize } }),
    ...(blob.lfs && repo.options.xet && { xetHash: hashes.xet }),
    path,
    ...(expand && { lastCommit: brief(last), securityFileStatus: safe }),
  };
}

const safe = {
  status: "safe",
  jFrogScan: { status: "unscanned" },
  protectAiScan: { status: "unscanned" },
  avScan: { status: "safe", virusNames: null },
  pickleImportScan: null,
};

function brief({ id, title, date }: Commit): object {
  return { id, title, date };
}

function folderEntry({ path, last }: Folder, expand: boolean): object {
  const oid = sha1(`folder ${last.id} ${path}`);
  return { type: "directory", oid, size: 0, path, ...(expand && { lastCommit: brief(last) }) };
}

/** Every folder of a commit, with the newest commit that touched something in it. */
function foldersOf(commit: Commit): Map<string, Folder> {
  const folders = new Map<string, Folder>();
  for (const [path, { last }] of commit.files) {
    const parts = path.split("/");
    for (let depth = 1; depth < parts.length; depth++) {
      const folder = parts.slice(0, depth).join("/");
      const known = folders.get(folder);
      if (!known || known.last.date < last.date) folders.set(folder, { path: folder, last });
    }
  }
  return folders;
}

function flag(url: URL, name: string): boolean {
  return ["true", "1", "True"].includes(url.searchParams.get(name) ?? "");
}

/** GET tree: the entries below a folder, in pages by a Link header. */
export async function answerTree(
  exchange: Exchange,
  repo: Repository,
  commit: Commit,
  folder: string,
  paging: Page,
): Promise<void> {
  const folders = foldersOf(commit);
  if (folder !== "" && !folders.has(folder)) throw entryNotFound(folder, commit.id);
  const recursive = flag(exchange.url, "recursive");
  const expand = flag(exchange.url, "expand");
  const start = folder === "" ? "" : `${folder}/`;
  const below = [...folders.keys(), ...commit.files.keys()].filter(
    (path) => path.startsWith(start) && (recursive || !path.slice(start.length).includes("/")),
  );
  const { items, headers } = pageOf(below, exchange.url, paging);
  const entries = items.map((path) => {
    const known = folders.get(path);
    return known ? folderEntry(known, expand) : fileEntry(repo, commit, path, expand);
  });
  return answerJson(exchange, await Promise.all(entries), { ...headers, "X-Repo-Commit": commit.id });
}

/** What was posted, as JSON or as a form. */
function posted({ request, record }: Exchange): { paths: string[]; expand: boolean } {
  const text = record.body ?? "";
  if (request.headers["content-type"]?.startsWith("application/json")) {
    const { paths, expand } = JSON.parse(text) as { paths?: string | string[]; expand?: boolean };
    return { paths: [paths ?? []].flat(), expand: expand === true };
  }
  const form = new URLSearchParams(text);
  return { paths: form.getAll("paths"), expand: ["true", "True", "1"].includes(form.get("expand") ?? "") };
}

/** POST paths-info: the entries of these paths; those that do not exist are left out. */
export async function answerPathsInfo(exchange: Exchange, repo: Repository, commit: Commit): Promise<void> {
  const { paths, expand } = posted(exchange);
  if (paths.length > 1000) throw badRequest("too many paths");
  const folders = foldersOf(commit);
  const entries = paths.flatMap((path) => {
    const plain = path.replace(/\/$/, "");
    if (commit.files.has(plain)) return [fileEntry(repo, commit, plain, expand)];
    const folder = folders.get(plain);
    return folder ? [folderEntry(folder, expand)] : [];
  });
  return answerJson(exchange, await Promise.all(entries), { "X-Repo-Commit": commit.id });
}

/** GET refs: branches, converts, tags and (when asked for) pull requests. */
export function answerRefs(exchange: Exchange, repo: Repository): Promise<void> {
  const made = [...repo.branches].map(([name, { id }]) => ({ name, id }));
  const under = (start: string) =>
    made
      .filter(({ name }) => name.startsWith(start))
      .map(({ name, id }) => ({ name: name.slice("refs/".length), ref: name, targetCommit: id }));
  const branches = made
    .filter(({ name }) => !name.startsWith("refs/"))
    .map(({ name, id }) => ({ name, ref: `refs/heads/${name}`, targetCommit: id }));
  const tags = [...repo.tags].map(([name, { id }]) => ({ name, ref: `refs/tags/${name}`, targetCommit: id }));
  const pulls = flag(exchange.url, "include_prs") ? { pullRequests: under("refs/pr/") } : {};
  return answerJson(exchange, { branches, converts: under("refs/convert/"), tags, ...pulls });
}

/** GET commits: newest first, in pages. */
export function answerCommits(exchange: Exchange, commit: Commit, paging: Page): Promise<void> {
  const all: Commit[] = [];
  for (let at: Commit | undefined = commit; at; at = at.parent) all.push(at);
  const { items, headers } = pageOf(all, exchange.url, paging);
  const authors = [{ user: "tester", avatar: `${paging.endpoint}/avatars/tester.svg` }];
  const listed = items.map(({ id, title, date }) => ({ id, title, message: "", authors, date }));
  return answerJson(exchange, listed, { ...headers, "X-Total-Count": String(all.length) });
}

// Which path of the hub host leads to which route.

import type { Access } from "./access.js";
import { answerJson, answerText, type Exchange, redirect } from "./answer.js";
import { badRequest, HubError, invalidCredentials, revisionNotFound } from "./errors.js";
import { isField, pickFields, wholeInfo } from "./model_info.js";
import { answerModelList } from "./model_list.js";
import type { Page } from "./pages.js";
import type { Commit, Repositories, Repository } from "./repos.js";
import type { FileRoutes } from "./resolve.js";
import { answerCommits, answerPathsInfo, answerRefs, answerTree } from "./tree.js";

export interface Rooms {
  repositories: Repositories;
  access: Access;
  files: FileRoutes;
  paging: Page;
}

const noRoute = () => new HubError(404, undefined, "Sorry, we can't find the page you are looking for.");

function decode(parts: string[]): string {
  try {
    return parts.map(decodeURIComponent).join("/");
  } catch {
    throw badRequest("Malformed URL");
  }
}

/** Splits "{id}/{word}/..." where the id has one or two parts: the word decides which. */
function splitId(parts: string[], words: string[]): { id: string; word: string | undefined; rest: string[] } {
  for (const length of [2, 1]) {
    const word = parts[length];
    if (word !== undefined && words.includes(word)) {
      return { id: decode(parts.slice(0, length)), word, rest: parts.slice(length + 1) };
    }
  }
  if (parts.length > 2) throw noRoute();
  return { id: decode(parts), word: undefined, rest: [] };
}

/** A revision and a path: the revision is one encoded part, or unencoded the parts of a known or a refs/ name. */
function splitRevision(repo: Repository, parts: string[]): { revision: string; path: string } {
  const plain = parts.map((part) => decode([part]));
  for (let length = plain.length; length > 1; length--) {
    const revision = plain.slice(0, length).join("/");
    if (repo.resolve(revision)) return { revision, path: plain.slice(length).join("/") };
  }
  const length = plain[0] === "refs" ? 3 : 1;
  return { revision: plain.slice(0, length).join("/"), path: plain.slice(length).join("/") };
}

function commitOf(repo: Repository, revision: string): Commit {
  const commit = repo.resolve(revision);
  if (!commit) throw revisionNotFound(revision);
  return commit;
}

/** True when the repository has another name now and the answer leads there. */
async function renamed(exchange: Exchange, repo: Repository, id: string): Promise<boolean> {
  if (repo.id === id) return false;
  const { pathname, search } = exchange.url;
  await redirect(exchange, 307, pathname.replace(`/${id}`, () => `/${repo.id}`) + search, {});
  return true;
}

function whoAmI(exchange: Exchange, { access }: Rooms): Promise<void> {
  const token = access.token(exchange.request);
  if (token === undefined) throw invalidCredentials();
  const { name } = access.tokens.get(token)!;
  const createdAt = "2026-01-01T00:00:00.000Z";
  return answerJson(exchange, {
    type: "user",
    id: "5f0000000000000000000001",
    name,
    fullname: name,
    email: `${name}@example.com`,
    emailVerified: true,
    canPay: false,
    periodEnd: null,
    isPro: false,
    avatarUrl: `/avatars/${name}.svg`,
    orgs: [],
    auth: { type: "access_token", accessToken: { displayName: "test", role: "read", createdAt } },
  });
}

async function info(exchange: Exchange, repo: Repository, commit: Commit): Promise<void> {
  const query = exchange.url.searchParams;
  const expand = query.getAll("expand").flatMap((names) => names.split(","));
  const wrong = expand.find((name) => !isField(name));
  if (wrong !== undefined) throw badRequest(`Invalid expand: ${wrong}`);
  const blobs = ["true", "True", "1"].includes(query.get("blobs") ?? "");
  const picked = expand.length > 0 ? pickFields(repo, commit, expand, blobs) : wholeInfo(repo, commit, blobs);
  return answerJson(exchange, await picked);
}

const modelWords = ["revision", "tree", "paths-info", "refs", "commits", "auth-check", "xet-read-token"];

async function models(exchange: Exchange, rooms: Rooms, parts: string[]): Promise<void> {
  const { access, paging } = rooms;
  const { id, word, rest } = splitId(parts, modelWords);
  const repo = access.visible(exchange.request, id);
  if (await renamed(exchange, repo, id)) return;
  const { revision, path } = splitRevision(repo, rest.length > 0 ? rest : ["main"]);
  if (word === undefined || word === "revision") return info(exchange, repo, commitOf(repo, revision));
  if (word === "tree") return answerTree(exchange, repo, commitOf(repo, revision), path.replace(/\/$/, ""), paging);
  if (word === "paths-info" && exchange.request.method === "POST") {
    return answerPathsInfo(exchange, repo, commitOf(repo, revision));
  }
  if (word === "refs") return answerRefs(exchange, repo);
  if (word === "commits") return answerCommits(exchange, commitOf(repo, revision), paging);
  if (word === "auth-check") {
    access.mayRead(exchange.request, repo);
    return answerText(exchange, 200, {}, "OK");
  }
  if (word === "xet-read-token" && repo.options.xet) {
    access.mayRead(exchange.request, repo);
    // There is no Xet server here: a client that goes on meets a refused connection and has to fall back.
    const exp = Math.floor(Date.now() / 1000) + 3600;
    return answerJson(exchange, { accessToken: "xet-test", exp, casUrl: "http://127.0.0.1:9" });
  }
  throw noRoute();
}

async function files(exchange: Exchange, rooms: Rooms, parts: string[]): Promise<void> {
  const { id, word, rest } = splitId(parts, ["resolve", "raw"]);
  if (word === undefined || rest.length < 2) throw noRoute();
  const repo = rooms.access.visible(exchange.request, id);
  if (await renamed(exchange, repo, id)) return;
  const route = { repo, ...splitRevision(repo, rest) };
  return word === "resolve" ? rooms.files.resolve(exchange, route) : rooms.files.raw(exchange, route);
}

async function resolveCache(exchange: Exchange, rooms: Rooms, parts: string[]): Promise<void> {
  const at = parts.findIndex((part) => /^[0-9a-f]{40}$/.test(part));
  if (at < 1) throw noRoute();
  const repo = rooms.access.visible(exchange.request, decode(parts.slice(0, at)));
  const route = { repo, revision: parts[at]!, path: decode(parts.slice(at + 1)) };
  return rooms.files.resolveCache(exchange, route);
}

/** Answers a request to the hub host. Throws HubError for what is to be answered as an error. */
export async function serveHub(exchange: Exchange, rooms: Rooms): Promise<void> {
  const parts = exchange.url.pathname.slice(1).split("/");
  const { method } = exchange.request;
  if (method !== "GET" && method !== "HEAD" && !(method === "POST" && parts.includes("paths-info"))) throw noRoute();
  const limited = parts[0] === "api" && parts[1] !== "resolve-cache" ? "api" : "resolvers";
  const quota = limited === "api" ? 500 : 3000;
  exchange.response.setHeader("RateLimit", `"${limited}";r=${quota - 1};t=172`);
  exchange.response.setHeader("RateLimit-Policy", `"fixed window";"${limited}";q=${quota};w=300`);
  if (parts[0] !== "api") return files(exchange, rooms, parts);
  if (parts[1] === "whoami-v2") return whoAmI(exchange, rooms);
  if (parts[1] === "resolve-cache" && parts[2] === "models") return resolveCache(exchange, rooms, parts.slice(3));
  if (parts[1] !== "models") throw noRoute();
  if (parts.length > 2) return models(exchange, rooms, parts.slice(2));
  const token = rooms.access.token(exchange.request);
  const seen = rooms.repositories.all().filter((repo) => rooms.access.maySee(repo, token));
  return answerModelList(exchange, seen, rooms.paging);
}

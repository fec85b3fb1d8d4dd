// What users call a model of the Hub: "org/repo", "org/repo@revision:QUANT", "hf://..." and web addresses.

import { DeadliftError } from "../error.js";
import { checkFileName, unsafePart } from "./file_names.js";
import type { HubSettings } from "./settings.js";
import { type Location, locationOfUrl, looksLikeHubUrl } from "./web_address.js";

export interface HubName {
  readonly repo: string;
  readonly revision: string | undefined;
  /** As written: "Q4_K_M". */
  readonly quant: string | undefined;
  /** Path in the repository. */
  readonly file: string | undefined;
}

const maxRepoLength = 96;
const segmentPattern = /^[A-Za-z0-9_](?:[A-Za-z0-9_.-]*[A-Za-z0-9_])?$/;
const quantPattern = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$/;
/** Revisions with "/" in them that are not cut at it, as Python does. */
const specialRevision = /^refs\/(?:convert\/[A-Za-z0-9_.-]+|pr\/\d+)/;

/**
 * The parts of a name. undefined: it cannot be a name on the Hub, so it is a path.
 * Throws InvalidArgument for what begins like an address of the Hub and is none, UnsafeFileName for a hostile file.
 */
export function parseHubName(name: string, settings: Pick<HubSettings, "endpoint">): HubName | undefined {
  if (name.startsWith("hf://")) return fromUri(name);
  if (looksLikeHubUrl(name, settings.endpoint)) return fromLocation(locationOfUrl(name, settings.endpoint), name);
  return fromPlain(name);
}

/**
 * The repository that a name stands for as a whole, and its revision, which may also be given beside it. Throws
 * InvalidArgument for a path, for two revisions, and for a quant or file, which would be left out of account.
 */
export function parseRepoName(
  name: string,
  settings: Pick<HubSettings, "endpoint">,
  revision?: string,
): Pick<HubName, "repo" | "revision"> {
  const parsed = typeof name === "string" ? parseHubName(name, settings) : undefined;
  if (!parsed) throw noName(name, "it can only be a path");
  const part = parsed.quant === undefined ? parsed.file : `:${parsed.quant}`;
  if (part !== undefined) throw noName(name, `leave out "${part}", since the whole repository is meant`);
  if (revision !== undefined) checkRevision(revision);
  if (revision !== undefined && parsed.revision !== undefined && revision !== parsed.revision) {
    throw noName(name, `it says revision "${parsed.revision}", and the option says "${revision}"`);
  }
  return { repo: parsed.repo, revision: revision ?? parsed.revision };
}

/** Throws InvalidArgument unless `repo` is a repository's id: "name" or "owner/name". */
export function checkRepo(repo: string): void {
  const wrong = wrongRepo(repo);
  if (wrong) throw new DeadliftError("InvalidArgument", `"${clip(repo)}" is no id of a repository: ${wrong}`);
}

/** Throws InvalidArgument unless `revision` can be a branch, a tag, a ref or a commit. It becomes a path in the cache. */
export function checkRevision(revision: string): void {
  const wrong = wrongRevision(revision);
  if (wrong) throw new DeadliftError("InvalidArgument", `"${clip(revision)}" is no revision: ${wrong}`);
}

function wrongRepo(repo: string): string | undefined {
  const segments = typeof repo === "string" ? repo.split("/") : [];
  if (segments.length < 1 || segments.length > 2) return 'expected "name" or "owner/name"';
  if (repo.length > maxRepoLength) return `it is longer than ${maxRepoLength} characters`;
  if (/--|\.\./.test(repo)) return '"--" and ".." are not allowed';
  if (repo.endsWith(".git")) return 'leave out ".git" at its end';
  if (segments.every((segment) => segmentPattern.test(segment))) return undefined;
  return 'expected letters, digits, "-", "_" and ".", and neither "-" nor "." at an end';
}

function wrongRevision(revision: string): string | undefined {
  if (typeof revision !== "string" || revision === "") return "it is empty";
  if (/[ ~^?*[]/.test(revision)) return "git allows none of space ~ ^ : ? * [ \\ in it";
  if (revision.includes("..") || revision.includes("@{")) return 'git allows neither ".." nor "@{" in it';
  const unsafe = unsafePart(revision);
  return unsafe && `it ${unsafe}`;
}

function fromPlain(name: string): HubName | undefined {
  // A drive of Windows would read as a repository of one letter: "C:model.gguf".
  if (/^[A-Za-z]:/.test(name)) return undefined;
  const match = /^([^@:]+)(?:@([^:]*))?(?::(.*))?$/s.exec(name);
  const [, repo, revision, quant] = match ?? [];
  if (repo === undefined || wrongRepo(repo)) return undefined;
  if (quant !== undefined && !quantPattern.test(quant)) return undefined;
  if (revision !== undefined) checkRevision(revision);
  return { repo, revision, quant, file: undefined };
}

function fromUri(name: string): HubName {
  let rest = name.slice("hf://".length).replace(/\/+$/, "");
  const prefix = /^(models?|datasets?|spaces?|kernels?|buckets?)(?:\/|$)/.exec(rest)?.[1];
  if (prefix !== undefined && prefix !== "models") throw noName(name, `"${prefix}" are no models`);
  if (prefix !== undefined) rest = rest.slice("models/".length);
  const at = rest.indexOf("@");
  if (at !== -1 && rest.slice(0, at).split("/").length <= 2) {
    return fromLocation({ repo: rest.slice(0, at), ...cutRevision(rest.slice(at + 1)) }, name);
  }
  const [owner = "", repo, ...file] = rest.split("/");
  const whole = repo === undefined ? owner : `${owner}/${repo}`;
  return fromLocation({ repo: whole, revision: undefined, file: file.join("/") || undefined }, name);
}

/** "rev/a/b" as revision "rev" and file "a/b"; "%2F" stands for a "/" inside of the revision. */
function cutRevision(text: string): Omit<Location, "repo"> {
  const special = specialRevision.exec(text)?.[0];
  const end = special?.length ?? (text.includes("/") ? text.indexOf("/") : text.length);
  return {
    revision: special ?? text.slice(0, end).replaceAll(/%2f/gi, "/"),
    file: text.slice(end + 1) || undefined,
  };
}

function fromLocation(location: Location, name: string): HubName {
  const { file } = location;
  let { repo, revision } = location;
  let quant: string | undefined;
  // A quant can only follow where no file is named.
  if (file === undefined) {
    const last = revision ?? repo;
    const colon = last.indexOf(":");
    if (colon !== -1) {
      quant = last.slice(colon + 1);
      if (!quantPattern.test(quant)) throw noName(name, `"${clip(quant)}" after ":" is no name of a quant`);
      if (revision === undefined) repo = repo.slice(0, colon);
      else revision = revision.slice(0, colon);
    }
  }
  const wrong = wrongRepo(repo) ?? (revision === undefined ? undefined : wrongRevision(revision));
  if (wrong) throw noName(name, wrong);
  if (file !== undefined) checkFileName(file, repo);
  return { repo, revision, quant, file };
}

function noName(name: unknown, why: string): DeadliftError {
  const forms = '"org/repo", "hf://org/repo[@revision][/file]" or the address of a model\'s page';
  return new DeadliftError("InvalidArgument", `"${clip(name)}" names no model of the Hub: ${why}; expected ${forms}`);
}

function clip(text: unknown): string {
  const plain = String(text);
  return plain.length > 120 ? `${plain.slice(0, 117)}...` : plain;
}

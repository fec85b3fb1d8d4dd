// Web addresses of the Hub's pages, as copied from a browser, as repository, revision and file.

import { DeadliftError } from "../error.js";

export interface Location {
  readonly repo: string;
  readonly revision: string | undefined;
  readonly file: string | undefined;
}

const knownHosts = ["huggingface.co", "hf.co", "hub-ci.huggingface.co"];
const actions = ["blame", "blob", "raw", "resolve", "tree"];
/** First segments of the Hub's own pages and of what is no model. */
const otherPages =
  /^(?:datasets?|spaces?|kernels?|buckets?|docs|settings|organizations|collections|papers|api|join|login|search|blog|posts|tasks|learn|pricing|new)$/;
const specialRevision = /^refs\/(?:convert\/[^/]+|pr\/\d+)(?=\/|$)/;

/** With a scheme, or a name that begins with a host of the Hub. */
export function looksLikeHubUrl(name: string, endpoint: string): boolean {
  if (/^https?:\/\//i.test(name)) return true;
  const lower = name.toLowerCase();
  return [...knownHosts, new URL(endpoint).host].some((host) => lower.startsWith(`${host}/`));
}

/** Throws InvalidArgument unless the address is a model's page, or a file or folder in it. Query and fragment are left out. */
export function locationOfUrl(name: string, endpoint: string): Location {
  const segments = modelSegments(name, endpoint);
  const [first, second, ...others] = segments;
  if (first === undefined) throw noPage(name, "it names no repository");
  // "gpt2/tree/main": a repository from before owners were part of the id.
  const old = second === undefined || (actions.includes(second) && others.length > 0 && !actions.includes(others[0]!));
  const repo = old ? first : `${first}/${second}`;
  const [action, ...tail] = old ? segments.slice(1) : others;
  if (action === undefined) return { repo, revision: undefined, file: undefined };
  if (!actions.includes(action)) throw noPage(name, `"/${action}/" is no page of a file or folder`);
  return { repo, ...cutTail(tail, name) };
}

function modelSegments(name: string, endpoint: string): string[] {
  const address = /^https?:\/\//i.test(name) ? name : `https://${name}`;
  if (!URL.canParse(address)) throw noPage(name, "it is no address");
  const url = new URL(address);
  const own = new URL(endpoint);
  if (url.username || url.password) throw noPage("the address", "it holds a user name");
  const mine = url.host === own.host;
  if (!mine && !knownHosts.includes(url.host)) {
    throw noPage(name, `its host is none of ${[...new Set([...knownHosts, own.host])].join(", ")}`);
  }
  const base = own.pathname.replace(/\/+$/, "");
  let path = url.pathname;
  if (mine && base && (path === base || path.startsWith(`${base}/`))) path = path.slice(base.length);
  const segments = path.split("/").filter((segment) => segment !== "");
  if (segments[0] === "models") segments.shift();
  if (otherPages.test(segments[0] ?? "")) throw noPage(name, `"/${segments[0]}" is no model`);
  return segments;
}

function cutTail(tail: readonly string[], name: string): Omit<Location, "repo"> {
  if (tail.length === 0) return { revision: undefined, file: undefined };
  const special = specialRevision.exec(tail.join("/"))?.[0];
  const count = special?.split("/").length ?? 1;
  const file = tail.slice(count).map((segment) => decode(segment, name));
  if (file.some((segment) => segment.includes("/"))) throw noPage(name, 'a file name holds "%2F"');
  return { revision: special ?? decode(tail[0]!, name), file: file.join("/") || undefined };
}

function decode(segment: string, name: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    throw noPage(name, `"${segment}" is not encoded as addresses are`);
  }
}

function noPage(name: string, why: string): DeadliftError {
  const shown = name.length > 120 ? `${name.slice(0, 117)}...` : name;
  const advice = "expected the address of a model's page, e.g. https://huggingface.co/org/repo";
  return new DeadliftError("InvalidArgument", `"${shown}" is no model of the Hub: ${why}; ${advice}`);
}

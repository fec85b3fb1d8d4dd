// An answer of the Hub that is no success, as one error that says what to do.

import { DeadliftError, type ErrorCode } from "../../error.js";
import type { HubSettings } from "../settings.js";
import { plainLine } from "./answers.js";
import { type Headers, shownUrl } from "./http.js";
import { requestedWait, retryLater } from "./retry.js";

/** What was asked for, for messages. */
export interface About {
  readonly repo?: string | undefined;
  readonly revision?: string | undefined;
  readonly file?: string | undefined;
}

interface FailedReply {
  readonly status: number;
  readonly headers: Headers;
  readonly url: string;
}

/** What a server says about itself is shown, but not at any length. */
const maxShownText = 300;
const passingStatuses = [408, 429, 500, 502, 503, 504];

/** The error for a failed answer; `text` is its body, if it was read. Passing troubles are marked for `withRetries`. */
export function replyError(reply: FailedReply, about: About, settings: HubSettings, text = ""): DeadliftError {
  const said = serverText(reply, settings, text);
  const code = codeFor(reply, about, said);
  const error = new DeadliftError(code, messageFor(code, reply, about, settings, said) + requestId(reply));
  return passingStatuses.includes(reply.status) ? retryLater(error, requestedWait(reply.status, reply.headers)) : error;
}

/** Where the token came from, or why there is none. */
export function tokenOrigin(settings: HubSettings): string {
  if (settings.tokenSource === "file") return `the token in ${settings.tokenPath}`;
  if (settings.tokenSource === "option") return 'the token of the option "token"';
  return settings.tokenSource ? `the token in ${settings.tokenSource}` : "no token";
}

function codeFor({ status, headers, url }: FailedReply, about: About, said: string): ErrorCode {
  switch (headers["x-error-code"]) {
    case "RevisionNotFound":
    case "EntryNotFound":
    case "RepoNotFound":
      return headers["x-error-code"];
    case "GatedRepo":
      return "Gated";
  }
  if (/^access to this resource is disabled/i.test(said)) return "Disabled";
  if (status === 429) return "RateLimited";
  // Without a code: an old Hub, a mirror, or a proxy that eats headers.
  if (status === 401 && (about.repo === undefined || /invalid credentials|invalid.*token|expired/i.test(said)))
    return "Unauthorized";
  if ((status === 401 || status === 403) && /\bgated\b|restricted|authorized list|accept/i.test(said)) return "Gated";
  if (status === 401) return "RepoNotFound";
  if (status === 403) return "Unauthorized";
  if (status !== 404 && status !== 410) return "HubFailed";
  if (about.file !== undefined) return "EntryNotFound";
  if (about.revision !== undefined && /\/revision\/|\/tree\/|\/commits\//.test(url)) return "RevisionNotFound";
  return about.repo === undefined ? "HubFailed" : "RepoNotFound";
}

function messageFor(code: ErrorCode, reply: FailedReply, about: About, settings: HubSettings, said: string): string {
  const repo = about.repo ?? "the repository";
  const at = about.revision ? `${repo} at revision "${about.revision}"` : repo;
  const quoted = said && `: "${said}"`;
  switch (code) {
    case "RepoNotFound":
      return `${settings.endpoint} has no model ${repo}, or it is private; ${privateAdvice(settings)}`;
    case "Gated":
      return `${repo} is gated: accept its terms at ${settings.endpoint}/${repo}, ${gatedAdvice(settings)}`;
    case "RevisionNotFound":
      return `${repo} has no revision "${about.revision ?? "main"}": expected a branch, a tag, a ref or a commit of it`;
    case "EntryNotFound":
      return `${at} has no file "${about.file ?? shownUrl(reply.url)}"`;
    case "Disabled":
      return `${repo} is disabled: the Hub gives no access to it${quoted}`;
    case "Unauthorized":
      return unauthorized(reply.status, repo, settings, quoted);
    case "RateLimited":
      return rateLimited(reply, settings);
    default:
      return `${shownUrl(reply.url)} answers ${reply.status}${quoted}`;
  }
}

function privateAdvice(settings: HubSettings): string {
  if (settings.token === undefined) return `check the name; for a private one ${logIn} (no token was sent)`;
  return `check the name; ${tokenOrigin(settings)} was sent, and it may not see the model`;
}

function gatedAdvice(settings: HubSettings): string {
  if (settings.token === undefined) return `then ${logIn} (no token was sent)`;
  return `with the account of ${tokenOrigin(settings)}; a fine-grained token also needs access to gated repositories`;
}

const logIn = "set HF_TOKEN or log in with `hf auth login`";

function unauthorized(status: number, repo: string, settings: HubSettings, quoted: string): string {
  if (settings.token === undefined) return `the Hub wants to know who asks (${status})${quoted}; ${logIn}`;
  if (status === 403) return `${tokenOrigin(settings)} may not read ${repo} (403)${quoted}; use one that may`;
  const advice =
    "make a new one at https://huggingface.co/settings/tokens, or send none: HF_HUB_DISABLE_IMPLICIT_TOKEN=1";
  return `${tokenOrigin(settings)} is not valid (${status})${quoted}; ${advice}`;
}

function rateLimited(reply: FailedReply, settings: HubSettings): string {
  const wait = requestedWait(reply.status, reply.headers);
  const what = /"(\w+)"/.exec(reply.headers.ratelimit ?? "")?.[1];
  const when = wait === undefined ? "wait a while" : `wait ${Math.ceil(wait / 1000)} s`;
  const more = settings.token === undefined ? `, or ${logIn} to be allowed more` : "";
  return `the Hub takes no more requests for now (429${what ? `, ${what}` : ""}); ${when}${more}`;
}

/** X-Error-Message, else "error" of a JSON body: one short line, without the token if somebody sends it back. */
function serverText(reply: FailedReply, settings: HubSettings, text: string): string {
  let said = reply.headers["x-error-message"] ?? errorOfJson(text);
  if (settings.token !== undefined) said = said.replaceAll(settings.token, "[token]");
  said = plainLine(said);
  return said.length > maxShownText ? `${said.slice(0, maxShownText)}...` : said;
}

function errorOfJson(text: string): string {
  try {
    const { error } = JSON.parse(text);
    return typeof error === "string" ? error : "";
  } catch {
    return "";
  }
}

function requestId(reply: FailedReply): string {
  const id = reply.headers["x-request-id"] ?? reply.headers["x-amzn-trace-id"] ?? reply.headers["x-amz-cf-id"];
  return id && /^[\w=;.-]{1,100}$/.test(id) ? ` (request ${id})` : "";
}
